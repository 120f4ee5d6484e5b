import type { EdgeBroker } from '@holdfast/broker/broker';
import { type EndedSubscription, endedSubscriptions } from '@holdfast/broker/client-state';
import { continues, goesOn } from '@holdfast/broker/topic-state';
import { type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { Connection } from './connection.ts';
import { messageEncoder } from './frames.ts';
import type { Tally } from './tally.ts';

const PAGE_ENTRIES = 128;

/**
 * Delivers what subscriptions brought that were over before this edge looked: what was published after their 202 and
 * before the end of them was for this client, however short they were. The edge takes it from the log.
 */
export class EndedSubscriptions {
  readonly #broker: EdgeBroker;
  readonly #tally: Tally;

  constructor(broker: EdgeBroker, tally: Tally) {
    this.#broker = broker;
    this.#tally = tally;
  }

  /** Delivers them, and forgets them. Rejects when Redis does not answer: then they come again, and nothing twice. */
  async deliver(connection: Connection, ended: ReadonlyMap<string, string>): Promise<void> {
    if (ended.size === 0) return;
    await Promise.all(
      [...ended].map(([topic, noted]) => this.#deliverTopic(connection, topic, endedSubscriptions(noted))),
    );
    await this.#broker.forgetEnded(connection.clientId, ended);
  }

  async #deliverTopic(connection: Connection, topic: string, ended: readonly EndedSubscription[]): Promise<void> {
    for (const { begin, end } of ended) {
      const present = connection.subscriptions.get(topic);
      // It has been taken up again, and looked at, since.
      if (present && comparePositions(present.begin, begin) > 0) continue;
      if (present) connection.unsubscribeSilently(present);
      const from = laterOf(begin, connection.leftAt(topic) ?? begin);
      if (!present && comparePositions(from, end) >= 0) continue;
      if (!present) connection.sendControl({ type: 'subscribed', topic, position: from });
      await this.#deliverRange(connection, topic, from, end);
      connection.sendControl({ type: 'unsubscribed', topic, reason: 'requested' });
    }
  }

  /** Sends what the log has after `from`, up to `end`. */
  async #deliverRange(connection: Connection, topic: string, from: Position, end: Position): Promise<void> {
    const encode = messageEncoder(topic);
    let at = from;
    while (comparePositions(at, end) < 0 && connection.phase === 'open') {
      const page = await this.#broker.readLog(topic, at, PAGE_ENTRIES);
      if (page === null || comparePositions(from, page.born) < 0) return;
      const due = page.entries.filter(({ id }) => comparePositions(id, end) <= 0);
      const resumesAt = due[0]?.prev ?? end;
      if (!continues(page, at)) at = this.#lose(connection, topic, at, resumesAt);
      for (const { id, data } of due) {
        // A reader that has stopped is told that the rest is missing: nothing is kept for a subscription that is over.
        if (connection.congested) {
          this.#lose(connection, topic, at, end);
          return;
        }
        at = id;
        connection.leave(topic, at);
        this.#tally.deliveries += 1;
        connection.send(encode(id, data));
      }
      if (due.length < page.entries.length || !goesOn(page)) return;
    }
  }

  #lose(connection: Connection, topic: string, after: Position, position: Position): Position {
    this.#tally.lostAnnounced += 1;
    connection.leave(topic, position);
    connection.sendControl({ type: 'lost', topic, after, position });
    return position;
  }
}
