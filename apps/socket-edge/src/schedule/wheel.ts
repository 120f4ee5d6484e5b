export interface WheelOptions<T> {
  /** How far apart the times are at which something is due, in milliseconds. */
  everyMs: number;
  onDue: (item: T) => void;
  /** In milliseconds. */
  now?: () => number;
}

/**
 * Things that are due at some time, in buckets: one timer for all of them, and none while there are none. Each is due
 * once, at its time or up to one bucket later.
 */
export class Wheel<T> {
  readonly #options: Required<WheelOptions<T>>;
  readonly #buckets = new Map<number, Set<T>>();
  /** The bucket of each. */
  readonly #items = new Map<T, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor({ everyMs, onDue, now = () => performance.now() }: WheelOptions<T>) {
    this.#options = { everyMs, onDue, now };
  }

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /** Whether it is due at that time or before. */
  isDueBy(item: T, at: number): boolean {
    const bucket = this.#items.get(item);
    return bucket !== undefined && bucket <= this.#bucketOf(at);
  }

  /** Takes it in, or moves it. */
  set(item: T, at: number): void {
    const bucket = this.#bucketOf(at);
    if (this.#items.get(item) === bucket) return;
    this.delete(item);
    this.#items.set(item, bucket);
    const others = this.#buckets.get(bucket);
    if (others === undefined) this.#buckets.set(bucket, new Set([item]));
    else others.add(item);
    this.#timer ??= setInterval(() => this.tick(), this.#options.everyMs);
  }

  delete(item: T): void {
    const bucket = this.#items.get(item);
    if (bucket === undefined) return;
    this.#items.delete(item);
    const others = this.#buckets.get(bucket);
    others?.delete(item);
    if (others?.size === 0) this.#buckets.delete(bucket);
    if (this.#items.size === 0) this.stop();
  }

  /** Hands out what is due. */
  tick(): void {
    const { everyMs, onDue, now } = this.#options;
    const present = Math.floor(now() / everyMs);
    const due = [...this.#buckets].filter(([bucket]) => bucket <= present);
    for (const [bucket, items] of due) {
      // Taken out first: what is taken in again meanwhile, due by now or not, waits for the next time.
      this.#buckets.delete(bucket);
      for (const item of items) {
        if (this.#items.get(item) !== bucket) continue;
        this.#items.delete(item);
        onDue(item);
      }
    }
    if (this.#items.size === 0) this.stop();
  }

  /** Hands out nothing more until something is taken in. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #bucketOf(at: number): number {
    return Math.ceil(at / this.#options.everyMs);
  }
}
