/** A piece that takes longer holds nobody up: of several Redis servers one may be away. */
const PATIENCE_MS = 100;

/**
 * Does work in lots: what comes while one lot is under way is begun together when that is over. Under load a lot is what
 * came in during one round trip, so that commands to Redis leave in one write and their answers come in one read; alone,
 * a piece of work is begun at once. Measured: of single claims every second one had a write and a read of its own.
 */
export class Lots {
  readonly #size: number;
  readonly #patienceMs: number;
  readonly #line: (() => Promise<void>)[] = [];
  #running = false;

  /** @param size pieces of work in a lot at most: as many as may hold up everything else when their answers come */
  constructor(size: number, { patienceMs = PATIENCE_MS }: { patienceMs?: number } = {}) {
    this.#size = size;
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
      const lot = this.#line.splice(0, this.#size).map((begin) => begin());
      await this.#patiently(Promise.all(lot));
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
