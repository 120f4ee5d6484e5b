import { BEGINNING, type Position } from '@holdfast/protocol/position-order';
import type { Entry } from './checker.ts';
import type { ControlApi } from '@holdfast/harness/control-api';
import { payloadOf } from './payload.ts';
import { retrying } from '@holdfast/harness/retry';

/** The largest page that the API gives. */
const LOG_PAGE = 1_000;

interface Doubtful {
  n: number;
  digest: string;
  /** Why it is in doubt. */
  code: string;
}

/** What was published on every topic, as far as the answers show. Topics are known by their index. */
export class Publications {
  readonly #entries: Entry[][];
  readonly #doubtful: Doubtful[][];
  /** Publishes that failed, by the code of the failure. */
  readonly refused = new Map<string, number>();
  /** How many publishes in doubt were found in the log. */
  settled = 0;

  constructor(topics: number) {
    this.#entries = Array.from({ length: topics }, () => []);
    this.#doubtful = Array.from({ length: topics }, () => []);
  }

  accepted(topic: number, id: Position, digest: string): void {
    this.#entries[topic]?.push({ id, digest });
  }

  /** Message `n` of the run may have been published or not: there was no answer, or one that leaves it open. */
  doubt(topic: number, doubtful: Doubtful): void {
    this.#doubtful[topic]?.push(doubtful);
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  get doubtfulCount(): number {
    return this.#doubtful.reduce((sum, list) => sum + list.length, 0);
  }

  /** Every message that was published, by topic. */
  published(): Entry[][] {
    return this.#entries;
  }

  /** How many times a message is to arrive when each topic has so many subscribers. */
  deliveries(subscribers: readonly number[]): number {
    return this.#entries.reduce((sum, entries, topic) => sum + entries.length * (subscribers[topic] ?? 0), 0);
  }

  /** Finds out from the topics' logs which of the messages in doubt were published; the others have failed. */
  async settle(control: ControlApi, topicNames: readonly string[], run: string): Promise<void> {
    for (const [topic, doubtful] of this.#doubtful.entries()) {
      if (doubtful.length === 0) continue;
      const open = new Map(doubtful.map((one) => [one.n, one]));
      await readLog(control, topicNames[topic] ?? '', (id, data) => {
        const n = payloadOf(data, run)?.n ?? -1;
        const found = open.get(n);
        if (found === undefined) return;
        open.delete(n);
        this.accepted(topic, id, found.digest);
        this.settled += 1;
      });
      for (const { code } of open.values()) this.refuse(code);
      this.#doubtful[topic] = [];
    }
  }
}

async function readLog(control: ControlApi, topic: string, take: (id: Position, data: unknown) => void): Promise<void> {
  let after = BEGINNING;
  for (;;) {
    const { messages, more } = await retrying(() => control.log(topic, after, LOG_PAGE));
    for (const { id, data } of messages) take(id, data);
    const last = messages.at(-1);
    if (last === undefined || more !== true) return;
    after = last.id;
  }
}
