import type { EdgeBroker } from '@holdfast/broker/broker';
import { continues } from '@holdfast/broker/topic-state';
import type { Position } from '@holdfast/protocol/position-order';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { Connection } from './connection.ts';
import { messageEncoder } from './frames.ts';
import type { Tally } from './tally.ts';
import type { Verdict } from './topic-feed.ts';

const PAGE_ENTRIES = 64;
const encodeOwn = messageEncoder(OWN_TOPIC);

/**
 * A client's own topic has one reader, so no channel: the letter box says that there is something, and it is read from
 * the client's log.
 */
export class OwnTopic {
  readonly #broker: EdgeBroker;
  readonly #tally: Tally;

  constructor(broker: EdgeBroker, tally: Tally) {
    this.#broker = broker;
    this.#tally = tally;
  }

  /** Whether a client can go on from a position of its own topic, and where it goes on. Null: not registered. */
  async judge(clientId: string, position: Position, last: Position): Promise<Verdict | null> {
    if (position === last) return { recovered: true, position };
    const page = await this.#broker.readClientLog(clientId, position, 1);
    if (page === null) return null;
    if (continues(page, position)) return { recovered: true, position };
    return { recovered: false, position: page.entries[0]?.prev ?? page.last };
  }

  /** Sends what the connection has not been given yet, as far as it takes it. Rejects when Redis does not answer. */
  async deliver(connection: Connection): Promise<void> {
    if (connection.ownReading) return;
    connection.ownReading = true;
    try {
      while (connection.phase === 'open' && !connection.congested) {
        const after = connection.ownPosition;
        const page = await this.#broker.readClientLog(connection.clientId, after, PAGE_ENTRIES);
        if (page === null || connection.phase !== 'open') return;
        if (!continues(page, after)) {
          connection.ownPosition = page.entries[0]?.prev ?? page.last;
          this.#tally.lostAnnounced += 1;
          connection.sendControl({ type: 'lost', topic: OWN_TOPIC, after, position: connection.ownPosition });
        }
        for (const { id, data } of page.entries) {
          if (connection.congested) break;
          connection.ownPosition = id;
          this.#tally.deliveries += 1;
          connection.send(encodeOwn(id, data));
        }
        if (connection.ownPosition === page.last) return;
      }
    } finally {
      connection.ownReading = false;
    }
  }
}
