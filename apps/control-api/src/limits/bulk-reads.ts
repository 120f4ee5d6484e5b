/** A page takes this process and Redis a millisecond each, and small calls wait meanwhile. */
const MAX_CONCURRENT = 1;
/** The pause after a read, as a multiple of what the read took: large pages have at most a fifth of the time. */
const REST_FACTOR = 4;
const MAX_REST_MS = 100;

interface Waiting {
  readonly isGone: () => boolean;
  readonly begin: (proceed: boolean) => void;
}

/** The caller closed its connection while its read waited: no answer is needed. */
export class CallerGone extends Error {
  constructor() {
    super('the caller has hung up');
    this.name = 'CallerGone';
  }
}

/** Reads of large pages, one at a time, callers in turn (round robin). The read of a closed connection is skipped. */
export class BulkReads {
  readonly #waiting = new Map<string, Waiting[]>();
  #reading = 0;

  /** Rejects with `CallerGone` when the connection was closed before its turn, else as the read does. */
  async run<T>(caller: string, isGone: () => boolean, read: () => Promise<T>): Promise<T> {
    if (this.#reading >= MAX_CONCURRENT || this.#waiting.size > 0) await this.#turn(caller, isGone);
    else this.#reading += 1;
    const begunAt = performance.now();
    try {
      if (isGone()) throw new CallerGone();
      return await read();
    } finally {
      this.#rest(performance.now() - begunAt);
    }
  }

  async #turn(caller: string, isGone: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const queue = this.#waiting.get(caller) ?? [];
    queue.push({ isGone, begin: resolve });
    this.#waiting.set(caller, queue);
    if (!(await promise)) throw new CallerGone();
  }

  #rest(tookMs: number): void {
    setTimeout(
      () => {
        this.#reading -= 1;
        this.#next();
      },
      Math.min(REST_FACTOR * tookMs, MAX_REST_MS),
    );
  }

  #next(): void {
    while (this.#reading < MAX_CONCURRENT) {
      const first = this.#waiting.entries().next().value;
      if (first === undefined) return;
      const [caller, queue] = first;
      const waiting = queue.shift();
      // To the end of the line, so that each caller has its turn.
      this.#waiting.delete(caller);
      if (queue.length > 0) this.#waiting.set(caller, queue);
      if (waiting === undefined) continue;
      if (waiting.isGone()) {
        waiting.begin(false);
        continue;
      }
      this.#reading += 1;
      waiting.begin(true);
    }
  }
}
