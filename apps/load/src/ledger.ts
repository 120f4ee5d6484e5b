import { BEGINNING, type Position } from '@holdfast/protocol/position-order';
import type { Entry } from './checker.ts';
import type { Control } from './control.ts';
import { payloadOf } from './payload.ts';
import { retrying } from './retrying.ts';

/** The largest page that the API gives. */
const LOG_PAGE = 1_000;

interface Unanswered {
  n: number;
  digest: string;
}

/** What was published on every topic, as far as the answers tell. Topics are known by their index. */
export class Ledger {
  readonly #entries: Entry[][];
  readonly #unanswered: Unanswered[][];
  /** Publishes that the API refused, by its code. */
  readonly refused = new Map<string, number>();
  /** How many publishes without an answer were found in the log. */
  settled = 0;

  constructor(topics: number) {
    this.#entries = Array.from({ length: topics }, () => []);
    this.#unanswered = Array.from({ length: topics }, () => []);
  }

  accepted(topic: number, id: Position, digest: string): void {
    this.#entries[topic]?.push({ id, digest });
  }

  /** Message `n` of the run may have been published or not. */
  unanswered(topic: number, n: number, digest: string): void {
    this.#unanswered[topic]?.push({ n, digest });
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  get unansweredCount(): number {
    return this.#unanswered.reduce((sum, list) => sum + list.length, 0);
  }

  /** Every message that was published, by topic. */
  published(): Entry[][] {
    return this.#entries;
  }

  /** How many times a message is to arrive when each topic has so many subscribers. */
  deliveries(subscribers: readonly number[]): number {
    return this.#entries.reduce((sum, entries, topic) => sum + entries.length * (subscribers[topic] ?? 0), 0);
  }

  /** Finds out from the topics' logs which of the unanswered messages were published. */
  async settle(control: Control, topicNames: readonly string[], run: string): Promise<void> {
    for (const [topic, unanswered] of this.#unanswered.entries()) {
      if (unanswered.length === 0) continue;
      const open = new Map(unanswered.map(({ n, digest }) => [n, digest]));
      await readLog(control, topicNames[topic] ?? '', (id, data) => {
        const n = payloadOf(data, run)?.n;
        const digest = n === undefined ? undefined : open.get(n);
        if (digest === undefined) return;
        this.accepted(topic, id, digest);
        this.settled += 1;
      });
      this.#unanswered[topic] = [];
    }
  }
}

async function readLog(control: Control, topic: string, take: (id: Position, data: unknown) => void): Promise<void> {
  let after = BEGINNING;
  for (;;) {
    const { messages } = await retrying(() => control.log(topic, after, LOG_PAGE));
    for (const { id, data } of messages) take(id, data);
    const last = messages.at(-1);
    if (last === undefined || messages.length < LOG_PAGE) return;
    after = last.id;
  }
}
