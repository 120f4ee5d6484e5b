import type { SubscriptionStart } from '@holdfast/broker/client-state';
import type { Position } from '@holdfast/protocol/position-order';
import type { Connection } from '../connection/connection.ts';
import type { Topic } from './topic.ts';

/** Not in the list of those who receive at once. */
export const NOT_LIVE = -1;

/**
 * One connection's share in one topic. While it is live it has received everything up to the feed's head; while it is
 * behind, everything up to its own position.
 */
export class Subscription {
  readonly feed: Topic;
  readonly connection: Connection;
  /** As the client has it: with another start it is another subscription. */
  readonly start: SubscriptionStart;
  /** Where it stands while it is behind. */
  position: Position;
  /** Its place among the live ones, or NOT_LIVE. */
  liveIndex = NOT_LIVE;
  /** A read of the log for it is under way. */
  reading = false;
  /** It has left. */
  ended = false;

  constructor(feed: Topic, connection: Connection, start: SubscriptionStart, position: Position) {
    this.feed = feed;
    this.connection = connection;
    this.start = start;
    this.position = position;
  }

  /** The last id it was given. */
  get reached(): Position {
    return this.liveIndex === NOT_LIVE ? this.position : this.feed.live.reached(this);
  }
}

/** Up to so many are looked through one by one: a Map takes 370 bytes before anything is in it. */
const FEW = 8;
const NONE: readonly Subscription[] = [];

/** The subscriptions of a connection by topic. Most connections have a few; some have a thousand. */
export class SubscriptionSet {
  /** Made anew at each change, so that it holds no room for more. */
  #few: readonly Subscription[] = NONE;
  #many: Map<string, Subscription> | null = null;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  get(topic: string): Subscription | undefined {
    return this.#many === null ? this.#few.find(({ feed }) => feed.topic === topic) : this.#many.get(topic);
  }

  has(topic: string): boolean {
    return this.get(topic) !== undefined;
  }

  /** Takes one in, in the place of another one of its topic. */
  add(subscription: Subscription): void {
    const { topic } = subscription.feed;
    if (this.#many !== null) {
      this.#many.set(topic, subscription);
      return;
    }
    this.#few = [...this.#few.filter(({ feed }) => feed.topic !== topic), subscription];
    if (this.#few.length <= FEW) return;
    this.#many = new Map(this.#few.map((one) => [one.feed.topic, one]));
    this.#few = NONE;
  }

  delete(topic: string): void {
    if (this.#many === null) this.#few = this.#few.filter(({ feed }) => feed.topic !== topic);
    else this.#many.delete(topic);
  }

  clear(): void {
    this.#few = NONE;
    this.#many = null;
  }

  /** In the order in which they came. It may change while it is walked through. */
  values(): Iterable<Subscription> {
    return this.#many?.values() ?? this.#few;
  }

  /** The topics, in the order in which they were taken up. */
  topics(): string[] {
    return [...this.values()].map(({ feed }) => feed.topic);
  }
}
