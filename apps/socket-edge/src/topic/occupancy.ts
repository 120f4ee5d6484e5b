import type { EdgeOccupancy } from '@holdfast/broker/broker';
import { Round } from '../schedule/round.ts';

/** Topics in one call. */
const MAX_BATCH = 500;
/** In so long every topic that Redis has as occupied by this edge is compared once. */
const CHECK_MS = 10_000;

export interface OccupancyDeps {
  edge: string;
  broker: EdgeOccupancy;
  /** Whether any connection is subscribed to the topic. */
  isOccupied: (topic: string) => boolean;
  /** All topics that may be occupied. */
  topics: () => Iterable<string>;
  onError: (error: unknown) => void;
}

/** Writes on which topics this edge has connections, of channels always, of others while events of that are wanted. */
export class Occupancy {
  readonly #deps: OccupancyDeps;
  /** Topics that Redis has as occupied by this edge: true, or may have: false. */
  readonly #written = new Map<string, boolean>();
  /** Topics to be written, if they differ. */
  readonly #changed = new Set<string>();
  #writing: Promise<void> | null = null;
  readonly #round = new Round(CHECK_MS, this.#written);

  constructor(deps: OccupancyDeps) {
    this.#deps = deps;
  }

  /** The first connection has come to a topic, or the last one has left. */
  onChange(topic: string): void {
    if (!this.#written.has(topic) && !this.#deps.broker.isOccupancyWanted(topic)) return;
    this.#changed.add(topic);
    this.write().catch(this.#deps.onError);
  }

  /** Events of other topics are wanted than before. */
  onWanted(): void {
    for (const topic of this.#deps.topics()) this.#changed.add(topic);
    for (const topic of this.#written.keys()) this.#changed.add(topic);
    this.write().catch(this.#deps.onError);
  }

  /** Once a second: writes what could not be written, compares those that are due. Rejects when Redis does not answer. */
  async tend(): Promise<void> {
    await this.write();
    await this.#check(this.#round.due());
  }

  /** Compares all: after Redis was away, or after the lease expired. */
  checkAll(): Promise<void> {
    return this.#check([...this.#written.keys()]);
  }

  /** Writes all that has changed. Rejects when Redis does not answer; what it did not take is written again. */
  write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #check(topics: readonly string[]): Promise<void> {
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      const some = topics.slice(from, from + MAX_BATCH);
      for (const topic of await this.#deps.broker.checkOccupancy(this.#deps.edge, some)) {
        // It may have been left meanwhile.
        if (this.#written.has(topic)) this.#written.set(topic, false);
        this.#changed.add(topic);
      }
    }
    await this.write();
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop: topics that change together are written together.
    await new Promise(setImmediate);
    while (this.#changed.size > 0) {
      const some = [...this.#changed].slice(0, MAX_BATCH);
      const isComplete = await this.#writeSome(some);
      if (!isComplete) return;
    }
  }

  /** False when some were not written. */
  async #writeSome(topics: readonly string[]): Promise<boolean> {
    const { edge, broker, isOccupied } = this.#deps;
    const [occupied, left]: [string[], string[]] = [[], []];
    for (const topic of topics) {
      this.#changed.delete(topic);
      const known = this.#written.get(topic);
      const list = isOccupied(topic) && broker.isOccupancyWanted(topic) ? occupied : left;
      if (known === (list === occupied ? true : undefined)) continue;
      list.push(topic);
      this.#written.set(topic, false);
    }
    if (occupied.length + left.length === 0) return true;
    let written = new Set<string>();
    try {
      written = await broker.changeOccupancy(edge, occupied, left);
    } finally {
      for (const topic of [...occupied, ...left]) if (!written.has(topic)) this.#changed.add(topic);
    }
    for (const topic of occupied) if (written.has(topic)) this.#written.set(topic, true);
    for (const topic of left) if (written.has(topic)) this.#written.delete(topic);
    return written.size === occupied.length + left.length;
  }
}
