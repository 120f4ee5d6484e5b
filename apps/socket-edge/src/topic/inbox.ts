import type { EdgeBroker } from '@holdfast/broker/broker';
import { type LogPage, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import type { Position } from '@holdfast/protocol/position-order';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { Connection } from '../connection/connection.ts';
import { messageEncoder } from '../transport/frames.ts';
import type { Gate } from '../schedule/gate.ts';
import type { Verdict } from './topic.ts';

const PAGE_ENTRIES = 64;
const encodeOwn = messageEncoder(OWN_TOPIC);

export interface InboxDeps {
  broker: Pick<EdgeBroker, 'readClientLog'>;
  /** Bounds the reads under way. */
  gate: Gate;
}

/**
 * A client's own topic has one reader, so no channel: a change of the client's state shows that there is something, and it
 * is read from the client's log.
 */
export class Inbox {
  readonly #deps: InboxDeps;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
  }

  /** Whether a connection can go on from a position of its own topic, and where it goes on. Null: not registered. */
  async judge(connection: Connection, position: Position, last: Position): Promise<Verdict | null> {
    if (position === last) return { recovered: true, position };
    const page = await this.#read(connection, position, 1);
    if (page === null) return null;
    return continues(page, position) ? { recovered: true, position } : { recovered: false, position: goesOnFrom(page) };
  }

  /** Sends what the connection has not been given yet, as far as it takes it. Rejects when Redis does not answer. */
  async deliver(connection: Connection): Promise<void> {
    if (connection.inboxReading !== 'no') {
      connection.inboxReading = 'again';
      return;
    }
    try {
      do {
        connection.inboxReading = 'yes';
        await this.#deliverToEnd(connection);
      } while (connection.inboxReading === ('again' as Connection['inboxReading']));
    } finally {
      connection.inboxReading = 'no';
    }
  }

  async #deliverToEnd(connection: Connection): Promise<void> {
    while (connection.phase === 'open' && !connection.blocked) {
      const after = connection.ownPosition;
      const page = await this.#read(connection, after, PAGE_ENTRIES);
      if (page === null || connection.phase !== 'open' || connection.blocked) return;
      if (!continues(page, after)) {
        connection.ownPosition = goesOnFrom(page);
        connection.announceLost(OWN_TOPIC, after, connection.ownPosition);
      }
      for (const { id, data } of page.entries) {
        if (connection.blocked) return;
        connection.ownPosition = id;
        connection.send(encodeOwn(id, data), 1);
      }
      // The end, or the log is not where it is believed to be: asking again would never end.
      if (connection.ownPosition === page.last || connection.ownPosition === after) return;
    }
  }

  /** Null when the client is not registered (any more), also when it is so anew. */
  async #read({ clientId, incarnation }: Connection, after: Position, limit: number): Promise<LogPage | null> {
    const page = await this.#deps.gate.run(() => this.#deps.broker.readClientLog(clientId, after, limit));
    return page?.incarnation === incarnation ? page : null;
  }
}
