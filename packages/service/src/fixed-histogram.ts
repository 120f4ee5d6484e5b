import { Histogram, type MetricValueWithName } from 'prom-client';

/** Upper bounds of buckets, in seconds: the same for everything, so that figures can be laid beside each other. */
const BOUNDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Durations, counted in buckets. Plain numbers, because hot paths add to them: with prom-client's own histogram one
 * observation takes ten times as long. They become a metric at a scrape.
 */
export class FixedHistogram {
  static readonly bounds = BOUNDS;
  /** By bucket, each without those below it; the last is of what lies above every bound. */
  readonly counts: number[] = BOUNDS.map(() => 0).concat(0);
  sum = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] ?? 0)) bucket += 1;
    this.add(bucket, 1);
    this.sum += seconds;
  }

  /** Adds so many to one bucket; the caller adds to the sum. */
  add(bucket: number, count: number): void {
    this.counts[bucket] = (this.counts[bucket] ?? 0) + count;
  }
}

type Collected = Awaited<ReturnType<Histogram['get']>>;

interface ExposedOptions {
  readonly name: string;
  readonly help: string;
  /** Called at each scrape. */
  readonly read: () => FixedHistogram;
}

/** The metric of a histogram that is counted outside of prom-client; not registered yet. */
export class ExposedHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => FixedHistogram;

  constructor({ name, help, read }: ExposedOptions) {
    super({ name, help, registers: [], buckets: [...BOUNDS] });
    this.#name = name;
    this.#help = help;
    this.#read = read;
  }

  override async get(): Promise<Collected> {
    const collected = {
      name: this.#name,
      help: this.#help,
      type: 'histogram',
      values: this.#values(),
      aggregator: 'sum',
    };
    // The typings want a number for the type, where it is a word, and a function that has been called by now.
    return collected as unknown as Collected;
  }

  /** Not in the typings: prom-client asks for this one when it prints. */
  getForPromString() {
    return this.get();
  }

  #values(): MetricValueWithName<string>[] {
    const { counts, sum } = this.#read();
    let count = 0;
    const buckets = counts.map((own, index) => {
      count += own;
      return { metricName: `${this.#name}_bucket`, labels: { le: BOUNDS[index] ?? '+Inf' }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels: {}, value: sum },
      { metricName: `${this.#name}_count`, labels: {}, value: count },
    ];
  }
}
