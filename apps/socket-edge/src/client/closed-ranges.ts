import type { EdgeBroker } from '@holdfast/broker/broker';
import { type ClientState, type ClosedRange, closedRanges } from '@holdfast/broker/client-state';
import { type LogPage, continues, goesOn } from '@holdfast/broker/topic-state';
import { type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { Connection } from '../connection/connection.ts';
import { messageEncoder } from '../transport/frames.ts';
import type { Gate } from '../schedule/gate.ts';

const PAGE_ENTRIES = 128;
const ANNOUNCED = { reason: 'requested' } as const;

export interface ClosedRangesDeps {
  broker: Pick<EdgeBroker, 'readLog' | 'acknowledgeRanges'>;
  /** Bounds the reads under way. */
  gate: Gate;
}

/**
 * Delivers what subscriptions brought that were over before this edge looked: what was published after their 202 and
 * before their end was for this client, however short they were. The edge takes it from the log.
 */
export class ClosedRanges {
  readonly #deps: ClosedRangesDeps;

  constructor(deps: ClosedRangesDeps) {
    this.#deps = deps;
  }

  /**
   * Delivers the closed ranges of a client, and acknowledges them. Rejects when Redis does not answer: then they come
   * again, and nothing twice.
   * @param read the last read of a state that has begun by now
   */
  async deliver(connection: Connection, client: ClientState, read: number): Promise<void> {
    if (client.closed.size === 0) return;
    const topics = [...client.closed].map(([topic, ranges]) =>
      this.#deliverTopic(connection, topic, client, rangesSince(ranges, connection.closedBefore?.get(topic)), read),
    );
    await Promise.all(topics);
    await this.#deps.broker.acknowledgeRanges(client, client.closed);
  }

  async #deliverTopic(
    connection: Connection,
    topic: string,
    { topics }: ClientState,
    ranges: readonly ClosedRange[],
    read: number,
  ): Promise<void> {
    const present = connection.subscriptions.get(topic);
    // They were delivered before it was taken up again, and could not be acknowledged.
    if (present !== undefined && present.start === topics.get(topic)) return;
    const isEnding = present !== undefined && connection.unsubscribeSilently(present, read);
    for (const [index, range] of ranges.entries()) {
      const from = laterOf(range.begin, connection.leftAt(topic, range.incarnation) ?? range.begin);
      const isSubscribed = isEnding && index === 0;
      if (!isSubscribed && comparePositions(from, range.end) >= 0) continue;
      if (!isSubscribed) connection.sendControl({ type: 'subscribed', topic, position: from });
      await this.#deliverRange(connection, topic, range, from, read);
      connection.sendControl({ type: 'unsubscribed', topic, ...ANNOUNCED });
    }
    if (isEnding && ranges.length === 0) connection.sendControl({ type: 'unsubscribed', topic, ...ANNOUNCED });
  }

  /** Sends what the log has after `from`, up to the end of the range. */
  async #deliverRange(
    connection: Connection,
    topic: string,
    { end, incarnation, dropped }: ClosedRange,
    from: Position,
    read: number,
  ): Promise<void> {
    const encode = messageEncoder(topic);
    let at = from;
    const moveTo = (position: Position): void => {
      at = position;
      connection.leave(topic, { incarnation, position, read });
    };
    const lose = (position: Position): void => {
      connection.announceLost(topic, at, position);
      moveTo(position);
    };
    while (comparePositions(at, end) < 0 && connection.phase === 'open') {
      const page = dropped ? null : await this.#read(topic, at);
      // The topic is gone, or another one has its name: so is its log.
      if (page?.incarnation !== incarnation) {
        lose(end);
        return;
      }
      const due = page.entries.filter(({ id }) => comparePositions(id, end) <= 0);
      if (!continues(page, at)) lose(due[0]?.prev ?? end);
      for (const { id, data } of due) {
        // A reader that has stopped is told that the rest is missing: nothing is kept for a subscription that is over.
        if (connection.congested) {
          lose(end);
          return;
        }
        moveTo(id);
        connection.send(encode(id, data), 1);
      }
      if (due.length < page.entries.length || !goesOn(page)) return;
    }
  }

  #read(topic: string, after: Position): Promise<LogPage | null> {
    return this.#deps.gate.run(() => this.#deps.broker.readLog(topic, after, PAGE_ENTRIES));
  }
}

/** The ranges that were added to those of an earlier read; of a dropped range that has grown, what it has grown by. */
function rangesSince(ranges: string, before: string | undefined): ClosedRange[] {
  const present = closedRanges(ranges);
  if (before === undefined) return present;
  const earlier = closedRanges(before);
  const isKnown = present.every((range, index) => index >= earlier.length || range.begin === earlier[index]?.begin);
  // They were acknowledged meanwhile.
  if (!isKnown) return present;
  return present.flatMap((range, index) => {
    const known = earlier[index];
    if (known === undefined) return [range];
    return known.end === range.end ? [] : [{ ...range, begin: known.end }];
  });
}
