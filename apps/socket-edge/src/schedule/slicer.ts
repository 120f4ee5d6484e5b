/** How long in one turn of the event loop such work is done, before pings, handshakes and messages get their turn. */
const SLICE_MS = 4;

/**
 * Does small pieces of work in slices of time, in the order in which they came. One answer of Redis may set thousands of
 * connections going in the same tick; done in one go they would hold up everything else for seconds.
 */
export class TimeSlicer {
  readonly #sliceMs: number;
  readonly #queue: (() => void)[] = [];
  /** Until when this turn does such work; 0 when there was none in it yet. */
  #until = 0;

  constructor({ sliceMs = SLICE_MS }: { sliceMs?: number } = {}) {
    this.#sliceMs = sliceMs;
  }

  /** Does the work at once when this turn has time for it, else in a later turn. Resolves with its result. */
  run<T>(work: () => T): Promise<T> {
    if (this.#until === 0) this.#beginTurn();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const piece = () => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    if (this.#queue.length === 0 && performance.now() < this.#until) piece();
    else this.#queue.push(piece);
    return promise;
  }

  #beginTurn(): void {
    this.#until = performance.now() + this.#sliceMs;
    setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#until = 0;
    if (this.#queue.length === 0) return;
    this.#beginTurn();
    let done = 0;
    for (const piece of this.#queue) {
      piece();
      done += 1;
      if (performance.now() >= this.#until) break;
    }
    this.#queue.splice(0, done);
  }
}
