import { CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import { channelKind, channelOfTopic, channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { Recently } from '../schedule/recently.ts';
import { Wheel } from '../schedule/wheel.ts';
import type { Subscription } from '../topic/subscription.ts';
import { type ChannelAttempt, CHANNEL_PRESENCE, answer, forget, refuse, remember } from './attempts.ts';
import { authorizeSubscribe, channelFault } from './authorization.ts';
import { type ChannelOpener, type OpenedChannel, watchersOf } from './channel-opener.ts';
import type { SubscribeFrame } from './client-frames.ts';
import type { Attempt, PusherConnection } from './connection.ts';
import type { SubscriptionFault } from './faults.ts';
import { Joining, type JoiningDeps } from './joining.ts';
import { OpeningRate } from './opening-rate.ts';
import { Postponed } from './postponed.ts';

/** Channels of one connection. */
const MAX_SUBSCRIPTIONS = 1000;
/** Another subscription to the same channel is answered at most so often. */
const ANSWER_AGAIN_MS = 1000;
const LATER_EVERY_MS = 100;
/** A channel that is lost may have been made anew and be lost again, but not in less time than events are kept. */
const MAX_REJOIN_MS = CHANNEL_HISTORY.seconds * 1000;

const ONLINE = onlineChannel('');
const TOO_MANY: SubscriptionFault = {
  type: 'LimitReached',
  error: `A connection may have ${MAX_SUBSCRIPTIONS} channels`,
  status: 4100,
};

export interface SubscribingDeps extends JoiningDeps {
  opener: Pick<ChannelOpener<ChannelAttempt>, 'open' | 'cancel'>;
}

/** Subscribes connections to channels, and takes them out. */
export class Subscribing {
  readonly #deps: SubscribingDeps;
  readonly #rate: OpeningRate<ChannelAttempt>;
  readonly #joining: Joining;
  readonly #answeredAgain = new Recently<Subscription>(ANSWER_AGAIN_MS);
  readonly #answerLater = new Wheel<Subscription>({ everyMs: LATER_EVERY_MS, onDue: (one) => this.#answerAgain(one) });
  readonly #postponed = new Postponed<ChannelAttempt>();

  constructor(deps: SubscribingDeps) {
    this.#deps = deps;
    this.#joining = new Joining(deps);
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
    this.#joining.stop();
    this.#answeredAgain.stop();
    this.#answerLater.stop();
  }

  /** Joins a channel at once when this edge has it: true. Otherwise it is opened. */
  #begin(attempt: ChannelAttempt): boolean {
    if (
      attempt.as === 'subscriber' &&
      attempt.member === null &&
      !attempt.kind.cache &&
      this.#joining.ifOpen(attempt)
    ) {
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
      if (attempt.as === 'subscriber') this.#joining.asSubscriber(attempt, channel);
      else if (attempt.as === 'again') this.#joining.again(attempt, channel);
      else this.#joining.asWatcher(attempt, channel);
      this.onReady(connection);
    }
  }

  /** A second subscription to a channel is answered like the first; several of them, one answer later. */
  #answerAgain(subscription: Subscription): void {
    if (subscription.ended || this.#answerLater.has(subscription)) return;
    if (!subscription.subscriber.blocked && this.#answeredAgain.note(subscription)) answer(subscription);
    else this.#answerLater.set(subscription, performance.now() + ANSWER_AGAIN_MS);
  }
}

/** Of a channel that shows whether a user is online: nothing is published there. */
function isOnline(topic: string): boolean {
  return channelOfTopic(topic)?.channel.startsWith(ONLINE) === true;
}
