import { describe, expect, test } from 'vitest';
import { RETRIES, retryAfterOf, retryDelay } from './retries.ts';

const DAY = 24 * 3_600_000;

describe('waits between tries', () => {
  test('begin with 5 s, are three times as long each, and an hour at most', () => {
    const waits = Array.from({ length: 9 }, (_, index) => retryDelay(RETRIES, index + 1, 0.5) / 1000);
    expect(waits).toEqual([5, 15, 45, 135, 405, 1215, 3600, 3600, 3600]);
  });

  test('are a fifth longer or shorter, by chance', () => {
    expect([retryDelay(RETRIES, 1, 0), retryDelay(RETRIES, 1, 1)]).toEqual([4_000, 6_000]);
    expect(retryDelay(RETRIES, 1_000, 1)).toBe(1.2 * 3_600_000);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  test.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7_000],
    ['Sat, 28 Nov 2026 12:01:00 GMT', 60_000],
    ['Saturday, 28-Nov-26 12:01:00 GMT', 60_000],
    ['Sat, 28 Nov 2026 11:00:00 GMT', 0],
    ['999999', DAY],
    ['Mon, 30 Nov 2026 12:00:00 GMT', DAY],
    ['-1', null],
    ['soon', null],
    ['1.5', null],
    ['', null],
    [undefined, null],
  ])('%j asks for %j ms', (header, ms) => expect(retryAfterOf(header, now)).toBe(ms));
});
