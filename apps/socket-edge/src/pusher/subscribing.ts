import type { EdgeChannels } from '@holdfast/broker/broker';
import { subscriptionStart } from '@holdfast/broker/client-state';
import { MAX_PRESENCE_LIMIT } from '@holdfast/protocol/limits';
import { CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import {
  type ChannelKind,
  channelKind,
  channelOfTopic,
  channelTopic,
  onlineChannel,
} from '@holdfast/protocol/pusher-channels';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
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
import { Postponed } from './postponed.ts';

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

/** A channel that is lost may have been made anew and be lost again, but not in less time than events are kept. */
const MAX_REJOIN_MS = CHANNEL_HISTORY.seconds * 1000;

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
    /** Its channel was lost: it goes on without a frame. */
    | {
        as: 'again';
        connection: PusherConnection;
        member: ChannelMember | null;
        /** Of the members. */
        shown: Members | null;
        /** What came from this position on it has not; null when nothing did. */
        heldFrom: Position | null;
        /** Later it may lack something; in milliseconds of the monotonic clock. */
        until: number;
      }
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
  readonly #postponed = new Postponed<ChannelAttempt>();

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
    const pending = connection.opening?.get(topic);
    if (pending !== undefined) {
      // It is answered when the channel is open, once.
      pending.isAsked = true;
      return;
    }
    const { member } = authorized;
    const presence = kind.access === 'presence' ? CHANNEL_PRESENCE : null;
    const attempt = { as: 'subscriber', connection, topic, presence, channel, kind, member, isAsked: true } as const;
    const present = connection.subscriptions.get(topic);
    if (present !== undefined) {
      if (connection.blocked) this.#postpone(attempt);
      else this.#answerAgain(present);
      return;
    }
    if (connection.subscriptions.size + (connection.opening?.size ?? 0) >= MAX_SUBSCRIPTIONS) {
      return refuse(connection, channel, TOO_MANY);
    }
    if (connection.blocked) this.#postpone(attempt);
    else this.#begin(attempt);
  }

  unsubscribe(connection: PusherConnection, channel: string): void {
    const { app } = connection;
    if (app === null) return;
    const topic = channelTopic(app.known.appId, channel);
    // What is there for a signed-in user is not the client's.
    if (channel.startsWith(ONLINE)) return;
    const attempt = connection.opening?.get(topic);
    if (attempt !== undefined) {
      this.#cancel(connection, attempt);
      // It may be the one for which others wait.
      this.onReady(connection);
    }
    const subscription = connection.subscriptions.get(topic);
    if (subscription === undefined) return;
    connection.leave(subscription, true);
    this.#deps.counts.onChange(app, topic);
  }

  /** A connection takes frames again: what waits for that is joined and answered one after the other. */
  onReady(connection: PusherConnection): void {
    while (connection.phase === 'open' && !connection.blocked) {
      const attempt = this.#postponed.take(connection);
      if (attempt === null) return;
      const present = connection.subscriptions.get(attempt.topic);
      if (present === undefined) {
        // The next one follows when it has joined.
        if (!this.#begin(attempt)) return;
      } else {
        forget(connection, attempt);
        this.#answerAgain(present);
      }
    }
  }

  /**
   * The channel of a subscription is gone from Redis: it is opened again, and joined where its log begins. Where it cannot be
   * excluded that something of the old one is missing, that is a loss.
   */
  onGone(connection: PusherConnection, subscription: Subscription): void {
    const { topic } = subscription;
    const { name, presence } = topic;
    const hasEvents = !isOnline(name);
    if (hasEvents && !topic.gaveAll(subscription)) {
      connection.announceLost();
      return;
    }
    const member = connection.members?.get(name) ?? null;
    const shown = watchersOf(topic)?.shownTo(subscription) ?? null;
    const pending = connection.opening?.get(name);
    if (pending !== undefined) this.#cancel(connection, pending);
    connection.leave(subscription, false);
    this.attempt({
      as: 'again',
      connection,
      topic: name,
      presence: presence === null ? null : CHANNEL_PRESENCE,
      member,
      shown,
      isAsked: pending?.isAsked === true,
      heldFrom: topic.heldFrom,
      until: hasEvents ? performance.now() + MAX_REJOIN_MS : Number.POSITIVE_INFINITY,
    });
  }

  /** Forgets what a connection that ends was about to join. */
  onEnd(connection: PusherConnection): void {
    const { app, opening, subscriptions } = connection;
    this.#rate.forget(connection);
    this.#postponed.clear(connection);
    for (const attempt of opening?.values() ?? []) this.#deps.opener.cancel(attempt);
    if (app === null) return;
    for (const { topic } of subscriptions.values()) this.#deps.counts.onChange(app, topic.name);
  }

  attempt(attempt: ChannelAttempt): void {
    const { connection, topic } = attempt;
    if (connection.phase !== 'open' || connection.opening?.has(topic) === true) return;
    remember(attempt);
    this.#open(attempt);
  }

  /** Nothing is opened any more. */
  stop(): void {
    this.#rate.stop();
    this.#missed.stop();
    this.#answeredAgain.stop();
  }

  /** Joins a channel at once when this edge has it: true. Otherwise it is opened. */
  #begin(attempt: ChannelAttempt): boolean {
    if (attempt.as === 'subscriber' && attempt.member === null && !attempt.kind.cache && this.#joinOpen(attempt)) {
      forget(attempt.connection, attempt);
      return true;
    }
    remember(attempt);
    this.#open(attempt);
    return false;
  }

  #open(attempt: ChannelAttempt): void {
    const { connection, topic } = attempt;
    // What a client names by itself may be anything.
    if (attempt.as === 'subscriber' && this.#deps.topics.openTopic(topic) === null)
      this.#rate.take(connection, attempt);
    else this.#deps.opener.open(attempt);
  }

  /** Its answer waits until the socket takes it: on top of what waits there already it might be too much. */
  #postpone(attempt: ChannelAttempt): void {
    remember(attempt);
    this.#postponed.add(attempt);
  }

  #cancel(connection: PusherConnection, attempt: Attempt): void {
    forget(connection, attempt);
    this.#postponed.delete(connection, attempt.topic);
    this.#rate.delete(connection, attempt.topic);
    this.#deps.opener.cancel(attempt);
  }

  /** For the opener: joins, in this tick. */
  onOpened(attempt: ChannelAttempt, channel: OpenedChannel): void {
    const { connection } = attempt;
    if (connection.phase !== 'open') {
      forget(connection, attempt);
    } else if (attempt.isAsked === true && connection.blocked) {
      this.#postpone(attempt);
    } else {
      forget(connection, attempt);
      if (attempt.as === 'subscriber') this.#joinAsSubscriber(attempt, channel);
      else if (attempt.as === 'again') this.#joinAgain(attempt, channel);
      else this.#joinAsWatcher(attempt, channel);
      this.onReady(connection);
    }
  }

  #joinAsWatcher(attempt: Extract<ChannelAttempt, { as: 'watcher' }>, channel: OpenedChannel): void {
    const { connection, topic: name, onJoined } = attempt;
    const { topic, watchers } = channel;
    const position = topic.lastSent;
    const subscription = new Subscription(topic, connection, subscriptionStart(position, topic.incarnation), position);
    if (connection.sees(name)) watchers?.greet(subscription);
    connection.subscribe(subscription);
    onJoined(channel);
  }

  /** What was published since a channel was lost is for its subscribers. */
  #joinAgain(attempt: Extract<ChannelAttempt, { as: 'again' }>, { topic, watchers, state }: OpenedChannel): void {
    const { connection, topic: name, member, shown, heldFrom, until, isAsked } = attempt;
    const isOfBefore = heldFrom !== null && comparePositions(heldFrom, state.start) < 0;
    if (isOfBefore || performance.now() > until) {
      connection.announceLost();
      return;
    }
    if (member !== null) connection.rememberMember(name, member);
    const start = subscriptionStart(state.start, topic.incarnation);
    const subscription = new Subscription(topic, connection, start, state.start);
    if (isAsked === true) answer(subscription);
    else if (shown !== null) watchers?.resume(subscription, shown);
    this.#join(connection, subscription);
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
  #joinOpen({ connection, topic: name, channel }: Extract<ChannelAttempt, { as: 'subscriber' }>): boolean {
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
  #answerAgain(subscription: Subscription): void {
    if (this.#answeredAgain.note(subscription)) answer(subscription);
  }

  #changed({ app }: PusherConnection, topic: string): void {
    if (app !== null) this.#deps.counts.onChange(app, topic);
  }
}

function refuse(connection: PusherConnection, channel: string, fault: SubscriptionFault): void {
  connection.sendFrame(subscriptionErrorFrame(channel.slice(0, MAX_ANSWERED_NAME), fault));
}

/** A subscription that holds is answered like a new one. */
function answer(subscription: Subscription): void {
  const { topic, subscriber } = subscription;
  const watchers = watchersOf(topic);
  if (watchers === null) subscriber.sendFrame(subscribedFrame(channelOfTopic(topic.name)?.channel ?? ''));
  else watchers.greet(subscription);
}

/** Of a channel that shows whether a user is online: nothing is published there. */
function isOnline(topic: string): boolean {
  return channelOfTopic(topic)?.channel.startsWith(ONLINE) === true;
}

function remember(attempt: ChannelAttempt): void {
  const { connection, topic } = attempt;
  connection.opening ??= new Map();
  connection.opening.set(topic, attempt);
}

function forget(connection: PusherConnection, { topic }: Attempt): void {
  connection.opening?.delete(topic);
  if (connection.opening?.size === 0) connection.opening = null;
}
