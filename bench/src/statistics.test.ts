import { describe, expect, it } from 'vitest';
import { median, summarize } from './statistics.ts';

describe('the median', () => {
  it('is the middle one, by size and not by text', () => {
    expect(median([100, 9, 10])).toBe(10);
  });

  it('lies between the two middle ones of an even number', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('is nothing of nothing', () => {
    expect(median([])).toBeNull();
  });
});

describe('a summary of rounds', () => {
  it('has the median, both ends and every round, without those that gave nothing', () => {
    expect(summarize([3, null, 1, 8])).toEqual({ median: 3, least: 1, most: 8, rounds: [3, 1, 8] });
  });

  it('is nothing when no round gave anything', () => {
    expect(summarize([null, null])).toBeNull();
  });
});
