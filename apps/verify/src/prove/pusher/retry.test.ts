import { expect, test } from 'vitest';
import { attemptMs, pauseAfter } from './retry.ts';

test.each([
  [4000, 0],
  [4001, null],
  [4009, null],
  [4099, null],
  [4100, 1000],
  [4199, 1000],
  [4200, 0],
  [4299, 0],
  [4300, null],
  [4302, null],
  [1000, 1000],
  [1001, 1000],
  [1006, 1000],
  [1011, 1000],
  [1013, 1000],
])('after code %i the next handshake is in %s ms', (code, pause) => {
  expect(pauseAfter(code)).toBe(pause);
});

test('an attempt has 15 s, the next one 30 s, and each after that 60 s', () => {
  expect([0, 1, 2, 3, 9].map(attemptMs)).toEqual([15_000, 30_000, 60_000, 60_000, 60_000]);
});
