/** Pages that are read at once. A page takes this process and Redis a millisecond each, and small calls wait meanwhile. */
const AT_ONCE = 1;
/** Rests take so many times what the read before took: a fifth of the time at most belongs to large pages. */
const REST_TIMES = 4;
const MOST_REST_MS = 100;

interface Waiting {
  readonly isGone: () => boolean;
  readonly begin: (proceed: boolean) => void;
}

/** The caller hung up while its read waited: there is nobody to answer. */
export class CallerGone extends Error {
  constructor() {
    super('the caller has hung up');
    this.name = 'CallerGone';
  }
}

/** Reads of large pages, a few at a time, each caller in turn; what nobody waits for any more is not read. */
export class BulkReads {
  readonly #waiting = new Map<string, Waiting[]>();
  #reading = 0;

  /** Rejects with `CallerGone` when the caller hung up before it was its turn, else as the read does. */
  async run<T>(caller: string, isGone: () => boolean, read: () => Promise<T>): Promise<T> {
    if (this.#reading >= AT_ONCE || this.#waiting.size > 0) await this.#turn(caller, isGone);
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
      Math.min(REST_TIMES * tookMs, MOST_REST_MS),
    );
  }

  #next(): void {
    while (this.#reading < AT_ONCE) {
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
