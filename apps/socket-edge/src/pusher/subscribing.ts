import type { EdgeChannels } from '@holdfast/broker/broker';
import { subscriptionStart } from '@holdfast/broker/client-state';
import { MAX_PRESENCE_LIMIT } from '@holdfast/protocol/limits';
import { type ChannelKind, channelKind, channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import type { Position } from '@holdfast/protocol/position-order';
import { Recently } from '../schedule/recently.ts';
import { Subscription } from '../topic/subscription.ts';
import type { Topics } from '../topic/topics.ts';
import { encodedTextFrame } from '../transport/frames.ts';
import { authorizeSubscribe, channelFault } from './authorization.ts';
import { type ChannelOpener, type OpenedChannel, watchersOf } from './channel-opener.ts';
import type { SubscribeFrame } from './client-frames.ts';
import type { Attempt, PusherConnection } from './connection.ts';
import type { Counts } from './counts.ts';
import type { SubscriptionFault } from './faults.ts';
import { cacheMissFrame, subscribedFrame, subscriptionErrorFrame } from './frames.ts';
import type { ChannelMember } from './member.ts';
import type { Members } from './member-views.ts';
import { OpeningRate } from './opening-rate.ts';

/** Channels of one connection. */
const MAX_SUBSCRIPTIONS = 1000;
/** Names that are longer are not repeated in the answer. */
const MAX_ANSWERED_NAME = 1000;
/** That a channel has nothing cached is an event for webhooks at most so often, from one edge. */
const MISS_EVENT_MS = 1000;
/** Another subscription to the same channel is answered at most so often. */
const ANSWER_AGAIN_MS = 1000;
/**
 * Members are users, and all of them are shown, for there may not be more than an app allows. One whose connection was lost
 * stays for a moment: a client that comes back after a second did not leave.
 */
export const CHANNEL_PRESENCE = {
  by: 'user',
  show: 'members',
  limit: MAX_PRESENCE_LIMIT,
  graceSeconds: 3,
} as const;

const ONLINE = onlineChannel('');
const TOO_MANY: SubscriptionFault = {
  type: 'LimitReached',
  error: `A connection may have ${MAX_SUBSCRIPTIONS} channels`,
  status: 4100,
};

/** What the connection is doing there, and what it is sent when it has joined. */
export type ChannelAttempt = Attempt &
  (
    | {
        as: 'subscriber';
        connection: PusherConnection;
        channel: string;
        kind: ChannelKind;
        member: ChannelMember | null;
      }
    /** Its channel was lost: it goes on without a frame. `shown`: of the members. */
    | { as: 'again'; connection: PusherConnection; member: ChannelMember | null; shown: Members | null }
    /** Of the channel that has the online connections of a user: its own, or that of a user it watches. */
    | { as: 'watcher'; connection: PusherConnection; onJoined: (channel: OpenedChannel) => void }
  );

export interface SubscribingDeps {
  broker: Pick<EdgeChannels, 'isChannelEventWanted' | 'writeChannelEvent'>;
  topics: Pick<Topics, 'openTopic'>;
  opener: Pick<ChannelOpener<ChannelAttempt>, 'open' | 'cancel'>;
  counts: Pick<Counts, 'onChange'>;
  onError: (error: unknown) => void;
}

/** Subscribes connections to channels, and takes them out. */
export class Subscribing {
  readonly #deps: SubscribingDeps;
  readonly #rate: OpeningRate<ChannelAttempt>;
  /** Topics with nothing cached. */
  readonly #missed = new Recently<string>(MISS_EVENT_MS);
  readonly #answeredAgain = new Recently<Subscription>(ANSWER_AGAIN_MS);

  constructor(deps: SubscribingDeps) {
    this.#deps = deps;
    this.#rate = new OpeningRate((attempt) => deps.opener.open(attempt));
  }

  /** Connections that were slowed down a moment ago, or may soon be. */
  get limited(): number {
    return this.#rate.size;
  }

  /** A client asks for a channel. It is answered, now or when the channel is open. */
  subscribe(connection: PusherConnection, frame: SubscribeFrame): void {
    const { app, user } = connection;
    if (app === null) return;
    const { channel } = frame;
    const invalid = channelFault(channel);
    if (invalid !== null) return refuse(connection, channel, invalid);
    const kind = channelKind(channel);
    const authorized = authorizeSubscribe(app.known, connection.id, kind, frame, user);
    if (!authorized.ok) return refuse(connection, channel, authorized.fault);
    const topic = channelTopic(app.known.appId, channel);
    // It is answered when the channel is open, once.
    if (connection.opening?.has(topic) === true) return;
    const present = connection.subscriptions.get(topic);
    if (present !== undefined) return this.#answerAgain(present, channel);
    if (connection.subscriptions.size + (connection.opening?.size ?? 0) >= MAX_SUBSCRIPTIONS) {
      return refuse(connection, channel, TOO_MANY);
    }
    const { member } = authorized;
    if (member === null && !kind.cache && this.#joinOpen(connection, topic, channel)) return;
    const presence = kind.access === 'presence' ? CHANNEL_PRESENCE : null;
    this.attempt({ as: 'subscriber', connection, topic, presence, channel, kind, member });
  }

  unsubscribe(connection: PusherConnection, channel: string): void {
    const { app } = connection;
    if (app === null) return;
    const topic = channelTopic(app.known.appId, channel);
    // What is there for a signed-in user is not the client's.
    if (channel.startsWith(ONLINE)) return;
    const attempt = connection.opening?.get(topic);
    if (attempt !== undefined) this.#cancel(connection, attempt);
    const subscription = connection.subscriptions.get(topic);
    if (subscription === undefined) return;
    connection.leave(subscription, true);
    this.#deps.counts.onChange(app, topic);
  }

  /** The channel of a subscription is gone from Redis: it is opened again, and joined where its log begins. */
  onGone(connection: PusherConnection, subscription: Subscription): void {
    const { topic } = subscription;
    const { name, presence } = topic;
    const member = connection.members?.get(name) ?? null;
    const shown = watchersOf(topic)?.shownTo(subscription) ?? null;
    connection.leave(subscription, false);
    this.attempt({
      as: 'again',
      connection,
      topic: name,
      presence: presence === null ? null : CHANNEL_PRESENCE,
      member,
      shown,
    });
  }

  /** Forgets what a connection that ends was about to join. */
  onEnd(connection: PusherConnection): void {
    const { app, opening, subscriptions } = connection;
    this.#rate.forget(connection);
    for (const attempt of opening?.values() ?? []) this.#deps.opener.cancel(attempt);
    if (app === null) return;
    for (const { topic } of subscriptions.values()) this.#deps.counts.onChange(app, topic.name);
  }

  attempt(attempt: ChannelAttempt): void {
    const { connection, topic } = attempt;
    if (connection.phase !== 'open' || connection.opening?.has(topic) === true) return;
    connection.opening ??= new Map();
    connection.opening.set(topic, attempt);
    // What a client names by itself may be anything.
    if (attempt.as === 'subscriber' && this.#deps.topics.openTopic(topic) === null)
      this.#rate.take(connection, attempt);
    else this.#deps.opener.open(attempt);
  }

  /** Nothing is opened any more. */
  stop(): void {
    this.#rate.stop();
    this.#missed.stop();
    this.#answeredAgain.stop();
  }

  #cancel(connection: PusherConnection, attempt: Attempt): void {
    connection.opening?.delete(attempt.topic);
    if (connection.opening?.size === 0) connection.opening = null;
    this.#rate.delete(connection, attempt.topic);
    this.#deps.opener.cancel(attempt);
  }

  /** For the opener: joins, in this tick. */
  onOpened(attempt: ChannelAttempt, channel: OpenedChannel): void {
    const { connection, topic: name } = attempt;
    const { topic, watchers, state } = channel;
    connection.opening?.delete(name);
    if (connection.opening?.size === 0) connection.opening = null;
    if (connection.phase !== 'open') return;
    if (attempt.as === 'subscriber') {
      this.#joinAsSubscriber(attempt, channel);
      return;
    }
    const member = attempt.as === 'again' ? attempt.member : null;
    if (member !== null) connection.rememberMember(name, member);
    // Of a channel that was lost, what was published since is for its subscribers.
    const position = attempt.as === 'again' ? state.start : topic.lastSent;
    const subscription = new Subscription(topic, connection, subscriptionStart(position, topic.incarnation), position);
    if (attempt.as === 'again' && attempt.shown !== null) watchers?.resume(subscription, attempt.shown);
    if (attempt.as === 'watcher' && connection.sees(name)) watchers?.greet(subscription);
    connection.subscribe(subscription);
    if (attempt.as === 'watcher') attempt.onJoined(channel);
    else this.#changed(connection, name);
  }

  #joinAsSubscriber(
    attempt: Extract<ChannelAttempt, { as: 'subscriber' }>,
    { topic, watchers, state, cached }: OpenedChannel,
  ): void {
    const { connection, channel, kind, member } = attempt;
    if (member !== null) {
      const max = connection.app?.known.maxPresenceMembers ?? 0;
      if (watchers?.isFull(member.id, max) === true) {
        refuse(connection, channel, { type: 'LimitReached', error: `The channel has ${max} members`, status: 4100 });
        return;
      }
      connection.rememberMember(topic.name, member);
    }
    // The last event and what follows it fit together where both were read.
    const position = kind.cache ? state.last : topic.lastSent;
    const subscription = new Subscription(topic, connection, subscriptionStart(position, topic.incarnation), position);
    if (watchers === null) connection.sendFrame(subscribedFrame(channel));
    else watchers.greet(subscription);
    if (kind.cache) this.#sendCached(connection, topic.name, channel, cached?.frame ?? null);
    this.#join(connection, subscription);
  }

  /** Joins a channel that this edge has; false when it has to be opened. */
  #joinOpen(connection: PusherConnection, name: string, channel: string): boolean {
    const topic = this.#deps.topics.openTopic(name);
    if (topic === null) return false;
    const position: Position = topic.lastSent;
    connection.sendFrame(subscribedFrame(channel));
    const start = subscriptionStart(position, topic.incarnation);
    this.#join(connection, new Subscription(topic, connection, start, position));
    return true;
  }

  /** Unless it was closed by what it was sent. */
  #join(connection: PusherConnection, subscription: Subscription): void {
    if (connection.phase !== 'open') {
      watchersOf(subscription.topic)?.delete(subscription);
      return;
    }
    connection.subscribe(subscription);
    this.#changed(connection, subscription.topic.name);
  }

  #sendCached(connection: PusherConnection, topic: string, channel: string, frame: Buffer | null): void {
    if (frame !== null) {
      connection.sendFrame(encodedTextFrame(frame));
      return;
    }
    connection.sendFrame(cacheMissFrame(channel));
    const { broker, onError } = this.#deps;
    if (!broker.isChannelEventWanted(topic, 'channel.cache-miss') || !this.#missed.note(topic)) return;
    broker.writeChannelEvent(topic, 'channel.cache-miss', {}).catch(onError);
  }

  /** A second subscription to a channel is answered like the first. */
  #answerAgain(subscription: Subscription, channel: string): void {
    if (!this.#answeredAgain.note(subscription)) return;
    const watchers = watchersOf(subscription.topic);
    if (watchers === null) subscription.subscriber.sendFrame(subscribedFrame(channel));
    else watchers.greet(subscription);
  }

  #changed({ app }: PusherConnection, topic: string): void {
    if (app !== null) this.#deps.counts.onChange(app, topic);
  }
}

function refuse(connection: PusherConnection, channel: string, fault: SubscriptionFault): void {
  connection.sendFrame(subscriptionErrorFrame(channel.slice(0, MAX_ANSWERED_NAME), fault));
}
