import { describe, expect, it } from 'vitest';
import { Latencies, highestOf } from './latency.ts';

/** As native/generator/commands.c puts a value into a bucket. */
function bucketOf(ns: number): number {
  const shift = Math.max(0, Math.floor(Math.log2(ns)) - 6);
  return shift * 64 + Math.floor(ns / 2 ** shift);
}

describe('latencies', () => {
  it.each([1, 63, 64, 127, 128, 1000, 123_456, 5_000_000, 60_000_000_000])(
    'knows %i ns from its bucket to 1.6 %%, and never as less',
    (ns) => {
      const highest = highestOf(bucketOf(ns));
      expect(highest).toBeGreaterThanOrEqual(ns);
      expect(highest).toBeLessThanOrEqual(ns * (1 + 1 / 64));
    },
  );

  it('counts over all generators what lies below a percentile', () => {
    const latencies = new Latencies();
    latencies.add([
      [bucketOf(1_000_000), 50],
      [bucketOf(2_000_000), 40],
    ]);
    latencies.add([
      [bucketOf(2_000_000), 9],
      [bucketOf(80_000_000), 1],
    ]);
    expect(latencies.percentile(50)).toBeCloseTo(1, 1);
    expect(latencies.percentile(51)).toBeCloseTo(2, 1);
    expect(latencies.percentile(99)).toBeCloseTo(2, 1);
    expect(latencies.percentile(99.9)).toBeCloseTo(80, -1);
  });

  it('has no percentile of nothing', () => {
    expect(new Latencies().percentile(50)).toBeNull();
  });
});
