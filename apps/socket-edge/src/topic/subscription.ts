import type { SubscriptionStart } from '@holdfast/broker/client-state';
import type { Position } from '@holdfast/protocol/position-order';
import type { UnsubscribeReason } from '@holdfast/protocol/down';
import type { PresenceSettings } from '@holdfast/protocol/rest/topics';
import type { Transport } from '../transport/transport.ts';
import type { LogTarget } from './log-cursor.ts';
import { type SentMessage, writeOf } from './replay-buffer.ts';

/** In one write of what a subscriber missed: little, for it comes on top of what waits already. */
const MAX_CATCH_UP_BYTES = 16 * 1024;
/** Not among the live subscribers. */
export const NOT_LIVE = -1;

/** What the members of a topic are. */
export type PresenceBy = Required<PresenceSettings>['by'];

/** The member that a connection stands for. */
export interface SubscriberMember {
  /** Null: it is known by the ref of its client. */
  readonly id: string | null;
  readonly info: string | null;
}

/** The connection behind a subscription, as topics see it. */
export interface Subscriber {
  /** Of the connection, unique on its edge. */
  readonly id: string;
  /** Empty when there is no registered client. */
  readonly clientId: string;
  readonly transport: Transport;
  /** Whether it takes no messages now. */
  readonly blocked: boolean;
  /** Sends the frames of so many messages. */
  send(frames: Buffer, messages: number): void;
  /** Sends a frame that is not a message. */
  sendFrame(frame: Buffer): void;
  announceLost(topic: string, after: Position, position: Position): void;
  /** Something was sent past it, and may wait for the socket. */
  onWaiting(): void;
  unsubscribe(subscription: Subscription, reason: UnsubscribeReason): void;
  /** The member that it stands for on a topic; null when it is none. */
  memberOn(topic: string, by: PresenceBy): SubscriberMember | null;
  /** Whether it is shown who is present on a topic. */
  sees(topic: string): boolean;
}

/** Who is present on a topic, as its subscriptions and connections see it. */
export interface SubscribedPresence {
  /** A connection is subscribed, and knows it. */
  join(subscription: Subscription): void;
  /** @param isFinal it was ended on purpose; otherwise its member stays for a while, as it may come back */
  leave(subscription: Subscription, isFinal: boolean): void;
  /** Who its client is, or what it may see, has changed. */
  identify(subscription: Subscription): void;
  /** Its connection takes frames again. */
  onReady(subscription: Subscription): void;
}

/** The topic of a subscription, as subscriptions and connections see it. */
export interface SubscribedTopic {
  readonly name: string;
  readonly incarnation: string;
  /** Null when it has none. */
  readonly presence: SubscribedPresence | null;
  /**
   * Of one that is gone: the position before the first message that came and was not sent; null when there was none. It may
   * be of the topic that has the name now.
   */
  readonly heldFrom: Position | null;
  /** Of one that is gone: whether a subscription was given all of it but what `heldFrom` is about; false when that is not known. */
  gaveAll(subscription: Subscription): boolean;
  /** Whether messages may be sent now. */
  isFresh(): boolean;
  /** Takes a subscription in at its position; what it missed goes out now or soon. */
  join(subscription: Subscription): void;
  /** @param isFinal it was ended on purpose, and not because a connection was lost that may come back */
  leave(subscription: Subscription, isFinal: boolean): void;
  /** The last message that a live subscription was given. */
  reached(subscription: Subscription): Position;
  /** All that was published until then has been sent to its live subscriptions, in ms since the epoch; null: not known. */
  sentUpTo(): number | null;
  /** Takes a subscription out of the live ones; it keeps its position and nothing else. */
  lag(subscription: Subscription): void;
  /** Returns a lagging subscription what it lacks, as far as its connection takes it. */
  catchUp(subscription: Subscription): void;
}

/**
 * One connection's share in one topic. While it is live it has received everything up to the topic's last sent message;
 * while it is lagging, everything up to its own position.
 */
export class Subscription implements LogTarget<SentMessage> {
  readonly topic: SubscribedTopic;
  readonly subscriber: Subscriber;
  /** As the client has it: with another start it is another subscription. */
  readonly start: SubscriptionStart;
  /** The last message it was given, while it is lagging. */
  position: Position;
  /** Its place among the live ones, or NOT_LIVE. */
  liveIndex = NOT_LIVE;
  /** A read of the log for it is under way. */
  reading = false;
  /** It has left. */
  ended = false;

  constructor(topic: SubscribedTopic, subscriber: Subscriber, start: SubscriptionStart, position: Position) {
    this.topic = topic;
    this.subscriber = subscriber;
    this.start = start;
    this.position = position;
  }

  /** The last message it was given. */
  get reached(): Position {
    return this.liveIndex === NOT_LIVE ? this.position : this.topic.reached(this);
  }

  get ready(): boolean {
    return !this.ended && !this.subscriber.blocked && this.topic.isFresh();
  }

  /** What followed its position is gone. */
  onGap(position: Position): void {
    this.subscriber.announceLost(this.topic.name, this.position, position);
    this.position = position;
  }

  /** Sends messages until the connection takes no more. */
  deliver(messages: readonly SentMessage[]): void {
    let sent = 0;
    while (!this.ended && !this.subscriber.blocked) {
      const write = writeOf(messages, sent, MAX_CATCH_UP_BYTES);
      if (write === null) return;
      sent += write.messages;
      this.position = write.last;
      if (write.except !== undefined && write.except === this.subscriber.id) continue;
      this.subscriber.send(write.frames, write.messages);
    }
  }
}

/** Up to so many are looked through one by one: a Map takes 370 bytes before anything is in it. */
const FEW = 8;
const NONE: readonly Subscription[] = [];

/** The subscriptions of a connection by topic. Most connections have a few; some have a thousand. */
export class SubscriptionSet {
  /** Made anew at each change, by methods that leave no room for more: a spread, and `filter`, leave room for 16. */
  #few: readonly Subscription[] = NONE;
  #many: Map<string, Subscription> | null = null;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  get(topic: string): Subscription | undefined {
    return this.#many === null ? this.#few.find((one) => one.topic.name === topic) : this.#many.get(topic);
  }

  has(topic: string): boolean {
    return this.get(topic) !== undefined;
  }

  /** Takes one in, in the place of another one of its topic. */
  add(subscription: Subscription): void {
    const { name } = subscription.topic;
    if (this.#many !== null) {
      this.#many.set(name, subscription);
      return;
    }
    this.#few = without(this.#few, name).concat(subscription);
    if (this.#few.length <= FEW) return;
    this.#many = new Map(this.#few.map((one) => [one.topic.name, one]));
    this.#few = NONE;
  }

  delete(name: string): void {
    if (this.#many === null) this.#few = without(this.#few, name);
    else this.#many.delete(name);
  }

  clear(): void {
    this.#few = NONE;
    this.#many = null;
  }

  /** In the order in which they came. It may change while it is walked through. */
  values(): Iterable<Subscription> {
    return this.#many?.values() ?? this.#few;
  }

  /** The names of the topics, in the order in which they were subscribed. */
  topics(): string[] {
    return [...this.values()].map(({ topic }) => topic.name);
  }
}

function without(subscriptions: readonly Subscription[], name: string): readonly Subscription[] {
  const index = subscriptions.findIndex(({ topic }) => topic.name === name);
  return index < 0 ? subscriptions : subscriptions.toSpliced(index, 1);
}
