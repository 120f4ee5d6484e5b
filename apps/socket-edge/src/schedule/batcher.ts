/** A task that takes longer delays no others: of several Redis servers one may be away. */
const TIMEOUT_MS = 100;

export interface BatcherOptions {
  /** How long after the start of a batch the next one begins at the earliest, in milliseconds. */
  everyMs?: number;
  /** How long a batch is waited for, in milliseconds. */
  timeoutMs?: number;
}

/**
 * Does work in batches: what comes while one batch is under way, or soon after it was begun, is begun together. So commands to
 * Redis leave in one write and their answers come in one read; alone, a piece of work is begun at once.
 */
export class Batcher {
  readonly #size: number;
  readonly #everyMs: number;
  readonly #timeoutMs: number;
  readonly #queue: (() => Promise<void>)[] = [];
  #running = false;

  /** @param size tasks in a batch at most: as many as may hold up everything else when their answers come */
  constructor(size: number, { everyMs = 0, timeoutMs = TIMEOUT_MS }: BatcherOptions = {}) {
    this.#size = size;
    this.#everyMs = everyMs;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves with the result of the work. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#queue.push(() => work().then(resolve, reject));
    if (!this.#running) void this.#runAll();
    return promise;
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const earliest = performance.now() + this.#everyMs;
      const batch = this.#queue.splice(0, this.#size).map((begin) => begin());
      await this.#settled(Promise.all(batch));
      const early = earliest - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    }
    this.#running = false;
  }

  async #settled(batch: Promise<unknown>): Promise<void> {
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#timeoutMs);
    await Promise.race([batch, tooLong]);
    clearTimeout(timer);
  }
}
