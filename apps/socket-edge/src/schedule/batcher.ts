/** A piece that takes longer holds nobody up: of several Redis servers one may be away. */
const PATIENCE_MS = 100;

export interface BatcherOptions {
  /** How long after the beginning of a lot the next one begins at the earliest, in milliseconds. */
  everyMs?: number;
  /** How long a lot is waited for, in milliseconds. */
  patienceMs?: number;
}

/**
 * Does work in lots: what comes while one lot is under way, or soon after it was begun, is begun together. So commands to
 * Redis leave in one write and their answers come in one read; alone, a piece of work is begun at once.
 */
export class Batcher {
  readonly #size: number;
  readonly #everyMs: number;
  readonly #patienceMs: number;
  readonly #line: (() => Promise<void>)[] = [];
  #running = false;

  /** @param size pieces of work in a lot at most: as many as may hold up everything else when their answers come */
  constructor(size: number, { everyMs = 0, patienceMs = PATIENCE_MS }: BatcherOptions = {}) {
    this.#size = size;
    this.#everyMs = everyMs;
    this.#patienceMs = patienceMs;
  }

  /** Gives what the work gives, when its turn has come. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#line.push(() => work().then(resolve, reject));
    if (!this.#running) void this.#runAll();
    return promise;
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    while (this.#line.length > 0) {
      const earliest = performance.now() + this.#everyMs;
      const lot = this.#line.splice(0, this.#size).map((begin) => begin());
      await this.#patiently(Promise.all(lot));
      const early = earliest - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    }
    this.#running = false;
  }

  async #patiently(lot: Promise<unknown>): Promise<void> {
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#patienceMs);
    await Promise.race([lot, tooLong]);
    clearTimeout(timer);
  }
}
