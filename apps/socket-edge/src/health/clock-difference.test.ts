import { expect, it } from 'vitest';
import { ClockDifference } from './clock-difference.ts';

it('is not known before the first answer', () => {
  expect(new ClockDifference().ms).toBeUndefined();
});

it('is taken from the quickest answer, and not from one that had to wait', () => {
  const clock = new ClockDifference();
  clock.add(1000, 1400, 900);
  clock.add(2000, 2002, 1501);
  clock.add(3000, 3100, 2900);
  expect(clock.ms).toBe(500);
});

it('follows a clock that was set', () => {
  const clock = new ClockDifference();
  clock.add(1000, 1000, 1000);
  for (let second = 2; second < 12; second += 1) clock.add(second * 1000, second * 1000 + 5, second * 1000 - 60_000);
  expect(clock.ms).toBe(60_003);
});
