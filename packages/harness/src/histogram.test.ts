import { expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

it.each([1, 63, 64, 127, 128, 1000, 123_456, 5_000_000, 60_000_000_000])(
  'knows %i ns to one part in 64 with 6 bits, and never as less',
  (ns) => {
    const histogram = new Histogram(6);
    histogram.record(ns);
    const known = (histogram.percentile(50) ?? 0) * 1e6;
    expect(known).toBeGreaterThanOrEqual(ns - 1e-6);
    expect(known).toBeLessThanOrEqual(ns * (1 + 1 / 64));
  },
);

it('percentiles are of all that were added together', () => {
  const [one, other, all] = [new Histogram(10), new Histogram(10), new Histogram(10)];
  for (let ms = 1; ms <= 50; ms += 1) one.record(ms * 1e6);
  for (let ms = 51; ms <= 100; ms += 1) other.record(ms * 1e6);
  all.add(one.buckets());
  all.add(other.buckets());
  expect([50, 90, 99, 100].map((percent) => Math.round(all.percentile(percent) ?? 0))).toEqual([50, 90, 99, 100]);
});

it('a time below the shortest bucket is counted in the shortest', () => {
  const histogram = new Histogram(6);
  histogram.record(-1);
  expect(histogram.percentile(100)).toBe(1e-6);
});

it('there is no percentile of nothing', () => {
  expect(new Histogram(6).percentile(50)).toBeNull();
});
