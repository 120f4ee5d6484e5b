import { type Histogram, build, decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js';

/** Ten minutes, in microseconds: later than any delivery that is still waited for. */
const HIGHEST_US = 600_000_000;

export interface LatencySummary {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** How long messages took from before they were published to their arrival at a client, in one process. */
export class Latency {
  readonly #histogram = newHistogram();

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000))));
  }

  /** For {@link mergeLatencies} in another process. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }
}

/** The percentiles over all processes, in milliseconds; null when nothing was delivered. */
export function mergeLatencies(encoded: readonly string[]): LatencySummary | null {
  const all = newHistogram();
  for (const one of encoded) all.add(decodeFromCompressedBase64(one));
  if (all.totalCount === 0) return null;
  const at = (percentile: number) => all.getValueAtPercentile(percentile) / 1000;
  return { p50: at(50), p90: at(90), p99: at(99), max: all.maxValue / 1000 };
}

function newHistogram(): Histogram {
  return build({ highestTrackableValue: HIGHEST_US, autoResize: false, numberOfSignificantValueDigits: 3 });
}
