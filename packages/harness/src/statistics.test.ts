import { describe, expect, it } from 'vitest';
import { median } from './statistics.ts';

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
