import { type Bucket, Histogram } from '@holdfast/harness/histogram';

/** A thousandth of the value, as fine as the report shows. */
const PRECISION_BITS = 10;

export interface LatencySummary {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** How long messages took from before they were published to their arrival at a client, in one process. */
export function newLatencies(): Histogram {
  return new Histogram(PRECISION_BITS);
}

/** The percentiles over all processes, in milliseconds; null when nothing was delivered. */
export function summaryOf(latencies: readonly Bucket[][]): LatencySummary | null {
  const all = newLatencies();
  for (const one of latencies) all.add(one);
  const [p50, p90, p99, max] = [50, 90, 99, 100].map((percent) => all.percentile(percent));
  if (p50 == null || p90 == null || p99 == null || max == null) return null;
  return { p50, p90, p99, max };
}
