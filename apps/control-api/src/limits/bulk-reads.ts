/** A page takes this process and Redis a millisecond each, and small calls wait meanwhile. */
const MAX_CONCURRENT = 1;
/** The pause after a read, as a multiple of what the read took: large pages have at most a fifth of the time. */
const REST_FACTOR = 4;
/**
 * In the long run they have a fortieth. Their copies make the collector run, for ten milliseconds each time: with more of
 * the time in pages one small call in a hundred meets that.
 */
const LONG_REST_FACTOR = 39;
/** Time spent reading, after which the long run begins: some fifty pages. */
const BURST_MS = 100;
const MAX_REST_MS = 200;

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
  /** Milliseconds of reading left before the long run begins, as of `#creditAt`. It comes back in a fortieth of the time. */
  #credit = BURST_MS;
  #creditAt = performance.now();

  /** Rejects with `CallerGone` when the connection was closed before its turn, else as the read does. */
  async run<T>(caller: string, isGone: () => boolean, read: () => Promise<T>): Promise<T> {
    if (this.#reading >= MAX_CONCURRENT || this.#waiting.size > 0) await this.#turn(caller, isGone);
    else this.#reading += 1;
    const begunAt = performance.now();
    try {
      if (isGone()) throw new CallerGone();
      return await read();
    } finally {
      this.#rest(begunAt);
    }
  }

  async #turn(caller: string, isGone: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const queue = this.#waiting.get(caller) ?? [];
    queue.push({ isGone, begin: resolve });
    this.#waiting.set(caller, queue);
    if (!(await promise)) throw new CallerGone();
  }

  #rest(begunAt: number): void {
    const now = performance.now();
    const tookMs = now - begunAt;
    const earned = (now - this.#creditAt) / (1 + LONG_REST_FACTOR);
    this.#credit = Math.max(0, Math.min(BURST_MS, this.#credit + earned) - tookMs);
    this.#creditAt = now;
    const factor = this.#credit > 0 ? REST_FACTOR : LONG_REST_FACTOR;
    setTimeout(
      () => {
        this.#reading -= 1;
        this.#next();
      },
      Math.min(factor * tookMs, MAX_REST_MS),
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
