/** Number of the bucket, and how many values fell into it. */
export type Bucket = [bucket: number, count: number];

/**
 * Durations in buckets that double in width every `2 ** precisionBits` of them: a value is known to one part in
 * `2 ** precisionBits`, and never as less. Values are in nanoseconds.
 */
export class Histogram {
  readonly #bits: number;
  readonly #counts = new Map<number, number>();
  #total = 0;

  constructor(precisionBits: number) {
    this.#bits = precisionBits;
  }

  record(ns: number): void {
    const value = Math.max(1, Math.round(ns));
    const shift = Math.max(0, Math.floor(Math.log2(value)) - this.#bits);
    const bucket = shift * 2 ** this.#bits + Math.floor(value / 2 ** shift);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#total += 1;
  }

  add(buckets: Iterable<Bucket>): void {
    for (const [bucket, count] of buckets) {
      this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
      this.#total += count;
    }
  }

  buckets(): Bucket[] {
    return [...this.#counts];
  }

  /** The value at or below which so many percent lie, in milliseconds; null without values. 100 gives the largest. */
  percentile(percent: number): number | null {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (const [bucket, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return this.#highestOf(bucket) / 1e6;
    }
    return null;
  }

  /** The highest value that falls into a bucket, in nanoseconds. */
  #highestOf(bucket: number): number {
    const perDoubling = 2 ** this.#bits;
    const shift = Math.max(0, Math.floor(bucket / perDoubling) - 1);
    return (bucket - shift * perDoubling + 1) * 2 ** shift - 1;
  }
}
