import { expect, it } from 'vitest';
import { ClientEventRate } from './client-event-rate.ts';

it('ten events pass at once, and ten a second', () => {
  const rate = new ClientEventRate(0);
  const taken = (now: number, asked: number): number =>
    Array.from({ length: asked }, () => rate.take(now)).filter(Boolean).length;
  expect(taken(0, 20)).toBe(10);
  expect(taken(100, 20)).toBe(1);
  expect(taken(600, 20)).toBe(5);
  expect(taken(60_000, 20)).toBe(10);
});
