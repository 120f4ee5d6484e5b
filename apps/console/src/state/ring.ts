/** The last samples of several series that share their times. The oldest makes room for the newest. */
export class Ring<Series extends string> {
  readonly #capacity: number;
  readonly #gapSeconds: number;
  readonly #names: readonly Series[];
  readonly #times: number[] = [];
  readonly #values = {} as Record<Series, (number | null)[]>;

  /** @param gapSeconds samples that are further apart have nothing between them: no line joins them */
  constructor(capacity: number, names: readonly Series[], gapSeconds: number) {
    this.#capacity = capacity;
    this.#gapSeconds = gapSeconds;
    this.#names = names;
    for (const name of names) this.#values[name] = [];
  }

  /** @param seconds Unix time; null is a gap in a line */
  push(seconds: number, sample: Readonly<Record<Series, number | null>>): void {
    const last = this.#times.at(-1);
    if (last !== undefined && seconds - last > this.#gapSeconds) this.#add(last + this.#gapSeconds, null);
    this.#add(seconds, sample);
  }

  #add(seconds: number, sample: Readonly<Record<Series, number | null>> | null): void {
    this.#times.push(seconds);
    for (const name of this.#names) this.#values[name].push(sample?.[name] ?? null);
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
}
