import type { ControlApi } from '@holdfast/harness/control-api';
import { isTransient } from '@holdfast/harness/retry';

/** A thousand clients that lost their edge ask once. */
const FRESH_MS = 1_000;

/** The edges that take connections, one after the other. */
export class EdgeDirectory {
  readonly #control: ControlApi;
  #urls: string[] = [];
  #next: number;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  /** `first` is the place in the list to begin with: another one in each process. */
  constructor(control: ControlApi, first: number) {
    this.#control = control;
    this.#next = first;
  }

  /** The next edge's URL; undefined while there is none. */
  next(): string | undefined {
    this.#next += 1;
    return this.#urls[this.#next % this.#urls.length];
  }

  /** Reads the list again, unless it is fresh. While the installation is away, the list there is stays. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAt < FRESH_MS) return;
    this.#reading ??= this.#read();
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      const edges = await this.#control.edges();
      const takers = edges.filter(({ draining }) => !draining).map(({ url }) => url);
      if (takers.length > 0) this.#urls = takers.toSorted();
    } catch (error) {
      // Away for a moment: whoever waits for an edge asks again, with growing delays.
      if (!isTransient(error)) throw error;
    } finally {
      this.#readAt = performance.now();
      this.#reading = undefined;
    }
  }
}
