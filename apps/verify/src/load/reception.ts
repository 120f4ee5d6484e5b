import type { Position } from '@holdfast/protocol/position-order';
import { type Entry, type Gap, type Published, type Verdict, judge } from './checker.ts';

/**
 * The distinct messages that anybody in this process received on one topic, numbered in the order of their first
 * arrival. As long as nothing goes wrong that is the order of ids, and each client has received a prefix of it.
 */
export class Journal {
  readonly entries: Entry[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of a message: the same for every arrival of the same id with the same payload. */
  numberOf(id: Position, digest: string): number {
    const key = `${id} ${digest}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.entries.length;
      this.entries.push({ id, digest });
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** What one client received on one topic, when it is not a prefix of the topic's journal: that prefix, then these. */
interface Deviation {
  prefix: number;
  numbers: number[];
}

/**
 * What every client of a process received on every topic of its own, exactly, in 4 bytes for each pair of client and
 * topic (a "slot"): the length of the journal's prefix. A slot that deviates keeps its numbers one by one from there
 * on.
 */
export class Reception {
  readonly #journals: readonly Journal[];
  readonly #topicOfSlot: Uint32Array;
  readonly #prefixes: Uint32Array;
  readonly #deviations = new Map<number, Deviation>();
  readonly #gaps = new Map<number, Gap[]>();

  /** `topicOfSlot` names each slot's topic by its index. */
  constructor(topics: number, topicOfSlot: Uint32Array) {
    this.#journals = Array.from({ length: topics }, () => new Journal());
    this.#topicOfSlot = topicOfSlot;
    this.#prefixes = new Uint32Array(topicOfSlot.length);
  }

  /** The number by which {@link record} knows a message of a topic. */
  numberOf(topic: number, id: Position, digest: string): number {
    return this.#journalOf(topic).numberOf(id, digest);
  }

  record(slot: number, number: number): void {
    const prefix = this.#prefixes[slot] ?? 0;
    // The map is empty unless something went wrong: one comparison a delivery.
    const deviation = this.#deviations.size === 0 ? undefined : this.#deviations.get(slot);
    if (deviation !== undefined) deviation.numbers.push(number);
    else if (number === prefix) this.#prefixes[slot] = prefix + 1;
    else this.#deviations.set(slot, { prefix, numbers: [number] });
  }

  announceGap(slot: number, gap: Gap): void {
    const gaps = this.#gaps.get(slot);
    if (gaps === undefined) this.#gaps.set(slot, [gap]);
    else gaps.push(gap);
  }

  /** The id of the last message that a slot received; undefined before the first. */
  lastId(slot: number): Position | undefined {
    const last = this.#deviations.get(slot)?.numbers.at(-1) ?? (this.#prefixes[slot] ?? 0) - 1;
    return this.#journalOfSlot(slot).entries[last]?.id;
  }

  /** What the slot received, in the order of arrival. */
  received(slot: number): Entry[] {
    const { entries } = this.#journalOfSlot(slot);
    const deviation = this.#deviations.get(slot);
    if (deviation === undefined) return entries.slice(0, this.#prefixes[slot] ?? 0);
    const rest = deviation.numbers.flatMap((number) => entries[number] ?? []);
    return [...entries.slice(0, deviation.prefix), ...rest];
  }

  /** Judges every slot against what was published on each topic, and calls back for each. */
  judgeAll(topics: readonly Published[], onVerdict: (slot: number, verdict: Verdict) => void): void {
    // Clients that received the same prefix of the same journal have the same verdict.
    const known = new Map<string, Verdict>();
    for (const [slot, topic] of this.#topicOfSlot.entries()) {
      const published = topics[topic];
      if (published === undefined) throw new RangeError(`nothing is known of topic ${topic}`);
      const gaps = this.#gaps.get(slot) ?? [];
      const isPlain = gaps.length === 0 && !this.#deviations.has(slot);
      const key = `${topic} ${this.#prefixes[slot] ?? 0}`;
      const verdict = (isPlain ? known.get(key) : undefined) ?? judge(published, this.received(slot), gaps);
      if (isPlain) known.set(key, verdict);
      onVerdict(slot, verdict);
    }
  }

  #journalOf(topic: number): Journal {
    const journal = this.#journals[topic];
    if (journal === undefined) throw new RangeError(`there is no topic ${topic}`);
    return journal;
  }

  #journalOfSlot(slot: number): Journal {
    return this.#journalOf(this.#topicOfSlot[slot] ?? -1);
  }
}
