import { expect, it } from 'vitest';
import { Latency, mergeLatencies } from './latency.ts';

it('percentiles are of all processes together', () => {
  const [one, other] = [new Latency(), new Latency()];
  for (let ms = 1; ms <= 50; ms += 1) one.record(ms);
  for (let ms = 51; ms <= 100; ms += 1) other.record(ms);
  const merged = mergeLatencies([one.encode(), other.encode()]);
  expect(merged?.p50).toBeCloseTo(50, 0);
  expect(merged?.p90).toBeCloseTo(90, 0);
  expect(merged?.p99).toBeCloseTo(99, 0);
  expect(merged?.max).toBeCloseTo(100, 0);
});

it('what is shorter or longer than can be told is taken for the shortest and the longest', () => {
  const latency = new Latency();
  latency.record(-1);
  latency.record(1e9);
  expect(mergeLatencies([latency.encode()])).toMatchObject({ p50: 0.001, max: expect.closeTo(600_000, -3) });
});

it('there is none without a delivery', () => {
  expect(mergeLatencies([new Latency().encode()])).toBeNull();
});
