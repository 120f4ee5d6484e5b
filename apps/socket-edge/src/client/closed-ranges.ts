import type { EdgeBroker } from '@holdfast/broker/broker';
import { type ClientState, type ClosedRange, closedRanges } from '@holdfast/broker/client-state';
import type { LogEntry, LogPage } from '@holdfast/broker/topic-state';
import { type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { LimitFunction } from 'p-limit';
import type { Connection } from '../connection/connection.ts';
import { LogCursor, type LogTarget } from '../topic/log-cursor.ts';
import { deliveredName } from '../topic/delivered-name.ts';
import { messageEncoder } from '../transport/frames.ts';

const PAGE_ENTRIES = 128;
const ANNOUNCED = { reason: 'requested' } as const;

export interface ClosedRangesDeps {
  broker: Pick<EdgeBroker, 'readLog' | 'acknowledgeRanges'>;
  /** Bounds the reads under way. */
  limit: LimitFunction;
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
      if (!isSubscribed) connection.sendControl({ type: 'subscribed', topic: deliveredName(topic), position: from });
      await this.#deliverRange(connection, topic, range, from, read);
      connection.sendControl({ type: 'unsubscribed', topic: deliveredName(topic), ...ANNOUNCED });
    }
    if (!isEnding || ranges.length > 0) return;
    connection.sendControl({ type: 'unsubscribed', topic: deliveredName(topic), ...ANNOUNCED });
  }

  /** Sends what the log has after `from`, up to the end of the range. */
  async #deliverRange(
    connection: Connection,
    topic: string,
    range: ClosedRange,
    from: Position,
    read: number,
  ): Promise<void> {
    const { end, incarnation, dropped } = range;
    const target = new RangeTarget(connection, topic, incarnation, from, read);
    const cursor = new LogCursor(target, (after) => this.#read(topic, after, incarnation), end);
    let step = dropped ? 'gone' : 'more';
    while (step === 'more' && target.ready && comparePositions(target.position, end) < 0) step = await cursor.next();
    // The topic or its log is gone, or the reader has stopped: nothing is kept for a subscription that is over.
    const isCut = step === 'gone' || connection.congested;
    if (isCut && comparePositions(target.position, end) < 0) target.onGap(end);
  }

  /** Null when the topic is gone, also when another one has its name by now. */
  async #read(topic: string, after: Position, incarnation: string): Promise<LogPage | null> {
    const page = await this.#deps.limit(() => this.#deps.broker.readLog(topic, after, PAGE_ENTRIES));
    return page?.incarnation === incarnation ? page : null;
  }
}

/** A connection that is given a closed range of a topic. */
class RangeTarget implements LogTarget<LogEntry> {
  position: Position;
  readonly #connection: Connection;
  readonly #topic: string;
  readonly #incarnation: string;
  readonly #read: number;
  readonly #encode: (id: Position, data: Buffer) => Buffer;

  constructor(connection: Connection, topic: string, incarnation: string, from: Position, read: number) {
    this.#connection = connection;
    this.#topic = topic;
    this.#incarnation = incarnation;
    this.position = from;
    this.#read = read;
    this.#encode = messageEncoder(topic);
  }

  get ready(): boolean {
    return this.#connection.phase === 'open' && !this.#connection.congested;
  }

  onGap(next: Position): void {
    this.#connection.announceLost(this.#topic, this.position, next);
    this.#moveTo(next);
  }

  deliver(entries: readonly LogEntry[]): void {
    for (const { id, data } of entries) {
      if (!this.ready) return;
      this.#moveTo(id);
      this.#connection.send(this.#encode(id, data), 1);
    }
  }

  #moveTo(position: Position): void {
    this.position = position;
    this.#connection.leave({ topic: this.#topic, incarnation: this.#incarnation, position, read: this.#read });
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
