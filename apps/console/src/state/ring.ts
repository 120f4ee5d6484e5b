/** The last samples of several series that share their times. The oldest makes room for the newest. */
export class Ring<Series extends string> {
  readonly #capacity: number;
  readonly #names: readonly Series[];
  readonly #times: number[] = [];
  readonly #values = {} as Record<Series, (number | null)[]>;

  constructor(capacity: number, names: readonly Series[]) {
    this.#capacity = capacity;
    this.#names = names;
    for (const name of names) this.#values[name] = [];
  }

  /** @param seconds Unix time; null is a gap in a line */
  push(seconds: number, sample: Readonly<Record<Series, number | null>>): void {
    this.#times.push(seconds);
    for (const name of this.#names) this.#values[name].push(sample[name]);
    if (this.#times.length <= this.#capacity) return;
    this.#times.shift();
    for (const name of this.#names) this.#values[name].shift();
  }

  get times(): readonly number[] {
    return this.#times;
  }

  of(name: Series): readonly (number | null)[] {
    return this.#values[name];
  }

  /** The newest value; null when there is none. */
  last(name: Series): number | null {
    return this.#values[name].at(-1) ?? null;
  }
}
