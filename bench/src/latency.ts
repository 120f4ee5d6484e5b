/** As the generator has it (native/generator/commands.c): 64 buckets to each power of two of nanoseconds. */
const SUB_BITS = 6;
const SUBS = 2 ** SUB_BITS;

/** Number of the bucket, and how many values fell into it. */
export type Bucket = [bucket: number, count: number];

/** The highest value that falls into a bucket, in nanoseconds. */
export function highestOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / SUBS) - 1);
  return (bucket - shift * SUBS + 1) * 2 ** shift - 1;
}

/** How long deliveries took, over all generators. */
export class Latencies {
  readonly #counts = new Map<number, number>();
  #total = 0;

  add(buckets: readonly Bucket[]): void {
    for (const [bucket, count] of buckets) {
      this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
      this.#total += count;
    }
  }

  /** The value below which so many percent lie, in milliseconds and at most 1.6 % too high; null without values. */
  percentile(percent: number): number | null {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (const [bucket, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return highestOf(bucket) / 1e6;
    }
    return null;
  }
}
