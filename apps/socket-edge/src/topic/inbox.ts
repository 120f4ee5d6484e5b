import type { EdgeBroker } from '@holdfast/broker/broker';
import { type LogEntry, type LogPage, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import type { Position } from '@holdfast/protocol/position-order';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { traceDelivery } from '@holdfast/service/tracing';
import type { LimitFunction } from 'p-limit';
import { messageEncoder } from '../transport/frames.ts';
import type { Verdict } from './history.ts';
import { LogCursor, type LogTarget } from './log-cursor.ts';
import type { Subscriber } from './subscription.ts';

const PAGE_ENTRIES = 64;
const encodeOwn = messageEncoder(INBOX_TOPIC);

/** The connection whose client's inbox is read. */
export interface InboxReader extends Pick<Subscriber, 'clientId' | 'blocked' | 'send' | 'announceLost'> {
  /** Of the registration of its client. */
  readonly incarnation: string;
  readonly phase: string;
  /** The last message of the inbox that it was given. */
  inboxPosition: Position;
  /** Whether its inbox is being read; `again` when there may be more by now. */
  inboxReading: 'no' | 'yes' | 'again';
}

export interface InboxDeps {
  broker: Pick<EdgeBroker, 'readClientLog'>;
  /** Bounds the reads under way. */
  limit: LimitFunction;
}

/**
 * The messages to one client alone, its topic `@me`. It has one reader, so no channel: a change of the client's state
 * shows that there is something, and it is read from the client's log.
 */
export class Inbox {
  readonly #deps: InboxDeps;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
  }

  /** Whether a connection can go on from a position, and where it goes on. Null: not registered. */
  async judge(reader: InboxReader, position: Position, last: Position): Promise<Verdict | null> {
    if (position === last) return { recovered: true, position };
    const page = await this.#read(reader, position, 1);
    if (page === null) return null;
    return continues(page, position) ? { recovered: true, position } : { recovered: false, position: goesOnFrom(page) };
  }

  /** Sends what the connection has not been given yet, as far as it takes it. Rejects when Redis does not answer. */
  async deliver(reader: InboxReader): Promise<void> {
    if (reader.inboxReading !== 'no') {
      reader.inboxReading = 'again';
      return;
    }
    const target = new InboxTarget(reader);
    const cursor = new LogCursor(target, (after) => this.#read(reader, after, PAGE_ENTRIES));
    try {
      do {
        reader.inboxReading = 'yes';
        while (target.ready && (await cursor.next()) === 'more');
      } while (reader.inboxReading === ('again' as InboxReader['inboxReading']));
    } finally {
      reader.inboxReading = 'no';
    }
  }

  /** Null when the client is not registered (any more), also when it is so anew. */
  async #read({ clientId, incarnation }: InboxReader, after: Position, limit: number): Promise<LogPage | null> {
    const page = await this.#deps.limit(() => this.#deps.broker.readClientLog(clientId, after, limit));
    return page?.incarnation === incarnation ? page : null;
  }
}

class InboxTarget implements LogTarget<LogEntry> {
  readonly #reader: InboxReader;

  constructor(reader: InboxReader) {
    this.#reader = reader;
  }

  get position(): Position {
    return this.#reader.inboxPosition;
  }

  get ready(): boolean {
    return this.#reader.phase === 'open' && !this.#reader.blocked;
  }

  onGap(next: Position): void {
    this.#reader.announceLost(INBOX_TOPIC, this.position, next);
    this.#reader.inboxPosition = next;
  }

  deliver(entries: readonly LogEntry[]): void {
    const receivedAt = Date.now();
    for (const { id, data, traceparent } of entries) {
      if (!this.ready) return;
      this.#reader.inboxPosition = id;
      this.#reader.send(encodeOwn(id, data), 1);
      if (traceparent === undefined) continue;
      traceDelivery({ topic: INBOX_TOPIC, id, traceparent, receivedAt, receivers: 1, lagging: 0, caughtUp: false });
    }
  }
}
