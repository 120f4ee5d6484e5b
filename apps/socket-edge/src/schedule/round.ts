/** Goes round the names in a map, so that each of them is due once in a while, and never all of them at one time. */
export class Round {
  readonly #everyMs: number;
  readonly #all: ReadonlyMap<string, unknown>;
  /** What is left of this time round. */
  #rest: Iterator<string> | null = null;
  #dueAt = performance.now();

  /**
   * @param everyMs how long it takes to go round once, in milliseconds
   * @param all may change meanwhile
   */
  constructor(everyMs: number, all: ReadonlyMap<string, unknown>) {
    this.#everyMs = everyMs;
    this.#all = all;
  }

  /** Those whose turn has come since the last call. */
  due(): string[] {
    const now = performance.now();
    const count = Math.ceil((this.#all.size * (now - this.#dueAt)) / this.#everyMs);
    this.#dueAt = now;
    const due: string[] = [];
    for (let seen = 0; seen < count; seen += 1) {
      this.#rest ??= this.#all.keys();
      const { done, value } = this.#rest.next();
      if (done === true) this.#rest = null;
      else due.push(value);
    }
    return due;
  }
}
