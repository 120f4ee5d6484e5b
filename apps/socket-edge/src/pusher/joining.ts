import type { EdgeChannels } from '@holdfast/broker/broker';
import { subscriptionStart } from '@holdfast/broker/client-state';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { Recently } from '../schedule/recently.ts';
import { type SubscribedTopic, Subscription } from '../topic/subscription.ts';
import type { Topics } from '../topic/topics.ts';
import { encodedTextFrame } from '../transport/frames.ts';
import { type ChannelAttempt, answer, refuse } from './attempts.ts';
import { type OpenedChannel, watchersOf } from './channel-opener.ts';
import type { PusherConnection } from './connection.ts';
import type { Counts } from './counts.ts';
import { cacheMissFrame, subscribedFrame } from './frames.ts';

/** That a channel has nothing cached is an event for webhooks at most so often, from one edge. */
const MISS_EVENT_MS = 1000;

export interface JoiningDeps {
  broker: Pick<EdgeChannels, 'isChannelEventWanted' | 'writeChannelEvent'>;
  topics: Pick<Topics, 'openTopic'>;
  counts: Pick<Counts, 'onChange'>;
  onError: (error: unknown) => void;
}

/** Joins connections to channels that are open, in one tick with what they are sent of that. */
export class Joining {
  readonly #deps: JoiningDeps;
  /** Topics with nothing cached. */
  readonly #missed = new Recently<string>(MISS_EVENT_MS);

  constructor(deps: JoiningDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#missed.stop();
  }

  asWatcher(attempt: Extract<ChannelAttempt, { as: 'watcher' }>, channel: OpenedChannel): void {
    const { connection, topic: name, onJoined } = attempt;
    const { topic, watchers } = channel;
    const subscription = startAt(topic.lastSent, topic, connection);
    if (connection.sees(name)) watchers?.greet(subscription);
    connection.subscribe(subscription);
    onJoined(channel);
  }

  /** What was published since a channel was lost is for its subscribers. */
  again(attempt: Extract<ChannelAttempt, { as: 'again' }>, { topic, watchers, state }: OpenedChannel): void {
    const { connection, topic: name, member, shown, heldFrom, until, isAsked } = attempt;
    const isOfBefore = heldFrom !== null && comparePositions(heldFrom, state.start) < 0;
    if (isOfBefore || performance.now() > until) {
      connection.announceLost();
      return;
    }
    if (member !== null) connection.rememberMember(name, member);
    const subscription = startAt(state.start, topic, connection);
    if (isAsked === true) answer(subscription);
    else if (shown !== null) watchers?.resume(subscription, shown);
    this.#join(connection, subscription);
  }

  asSubscriber(
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
    const subscription = startAt(kind.cache ? state.last : topic.lastSent, topic, connection);
    if (watchers === null) connection.sendFrame(subscribedFrame(channel));
    else watchers.greet(subscription);
    if (kind.cache) this.#sendCached(connection, topic.name, channel, cached?.frame ?? null);
    this.#join(connection, subscription);
  }

  /** Joins a channel that this edge has; false when it has to be opened. */
  ifOpen({ connection, topic: name, channel }: Extract<ChannelAttempt, { as: 'subscriber' }>): boolean {
    const topic = this.#deps.topics.openTopic(name);
    if (topic === null) return false;
    const subscription = startAt(topic.lastSent, topic, connection);
    connection.sendFrame(subscribedFrame(channel));
    this.#join(connection, subscription);
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

  #changed({ app }: PusherConnection, topic: string): void {
    if (app !== null) this.#deps.counts.onChange(app, topic);
  }
}

function startAt(position: Position, topic: SubscribedTopic, connection: PusherConnection): Subscription {
  return new Subscription(topic, connection, subscriptionStart(position, topic.incarnation), position);
}
