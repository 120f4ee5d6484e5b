import { type EdgeSettings, NO_SETTINGS, type TopicState, settingsText } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions } from '@holdfast/protocol/position-order';
import { traceDelivery } from '@holdfast/service/tracing';
import type { Counters, Latencies } from '../counters.ts';
import { messageEncoder } from '../transport/frames.ts';
import type { Broadcast } from '../transport/transport.ts';
import { deliveredName } from './delivered-name.ts';
import { History, type Verdict } from './history.ts';
import { LiveSubscribers } from './live-subscribers.ts';
import { LogCursor } from './log-cursor.ts';
import type { FramePage } from './log-reader.ts';
import { type SentMessage, writeOf } from './replay-buffer.ts';
import { Sequencer } from './sequencer.ts';
import { NOT_LIVE, type SubscribedPresence, type SubscribedTopic, type Subscription } from './subscription.ts';

export interface TopicDeps {
  readTopic: (topic: string) => Promise<TopicState | null>;
  readLog: (topic: string, after: Position) => Promise<FramePage | null>;
  broadcast: Broadcast;
  /** The subscription to a topic of the subscriber with this id; none when it has none there. */
  subscriptionOf?: ((topic: string, subscriber: string) => Subscription | undefined) | undefined;
  /** Calls `topic.flush()` soon, once, whatever comes in until then. */
  flushSoon: (topic: Topic) => void;
  /** The topic exists no more. */
  onGone: (topic: Topic) => void;
  /** `topic.settings` is another one; also when the topic opens, if there is anything in it. */
  onSettings: (topic: Topic) => void;
  /** The topic is not in use any more. */
  onIdle: (topic: Topic) => void;
  /** The first connection has subscribed, or the last one has left. */
  onOccupancy: (topic: Topic) => void;
  /** Redis did not answer: `topic.sequencer.sync()` is to be called later. */
  onReadFailed: (topic: Topic, error: unknown) => void;
  /** Whether messages may be sent now; if not, `catchUpAll` and `flush` follow. */
  isFresh: () => boolean;
  /** Resolves when they may. */
  whenFresh: () => Promise<void>;
  counters: Counters;
  latencies: Pick<Latencies, 'publishToWrite'>;
}

/** What the live subscribers are being sent. */
interface Sending {
  messages: readonly SentMessage[];
  bytes: number;
  /** How many of them have been sent it. */
  receivers: number;
}

const NO_MESSAGES: readonly SentMessage[] = [];
const MS_PER_SECOND = 1000;

/** From the time in an id. Clocks differ: what would be before it counts as nothing. */
function secondsSince(id: Position, now: number): number {
  return Math.max(0, now - Number.parseInt(id, 10)) / MS_PER_SECOND;
}

/** In one write: a burst of large messages must not stand in the buffer of a reader that has stopped. */
const MAX_WRITE_BYTES = 64 * 1024;
/** How far this machine's clock may be ahead of that of Redis, from which ids are. */
const CLOCK_MARGIN_MS = 1000;
/** Messages that wait until anything may be sent. Past it they stay in the log. */
const MAX_WAITING = 1000;

/**
 * One topic, of one incarnation, on this edge, and its subscribers. Messages come from its sequencer without a gap, go to
 * the live subscribers at once, and stay in memory for lagging ones; older ones are read from the log.
 */
export class Topic implements SubscribedTopic {
  readonly name: string;
  /** Resolves when the topic is open; false when it does not exist. */
  readonly ready: Promise<boolean>;
  /** Receives the messages of the topic. */
  readonly sequencer: Sequencer;
  /** The last message sent. */
  lastSent: Position = BEGINNING;
  /** When it expires, and its presence. */
  settings: EdgeSettings = NO_SETTINGS;
  presence: SubscribedPresence | null = null;

  readonly #deps: TopicDeps;

  readonly #history: History;
  readonly #live: LiveSubscribers;
  readonly #lagging = new Set<Subscription>();
  readonly #resolveReady: (exists: boolean) => void;
  /** Received, but not sent yet: what comes in within one tick goes out as one write. */
  #unsent: SentMessage[] = [];
  /** What each of the live subscribers is being sent. */
  #sending: Sending = { messages: NO_MESSAGES, bytes: 0, receivers: 0 };
  /** Connections that are about to join. */
  #holders = 0;

  constructor(name: string, incarnation: string, deps: TopicDeps) {
    this.name = name;
    this.#deps = deps;
    this.#live = new LiveSubscribers(BEGINNING, deps.broadcast);
    this.#history = new History(incarnation, (after) => {
      deps.counters.logReads += 1;
      return deps.readLog(name, after);
    });
    this.sequencer = new Sequencer(incarnation, {
      readState: () => deps.readTopic(name),
      readPage: (after) => this.#history.read(after),
      encode: messageEncoder(name),
      onOpen: (state) => this.#onOpen(state),
      onMessage: (message) => this.#onMessage(message),
      has: (id) => this.#history.has(id) || this.#unsent.some((message) => message.id === id),
      lastInLog: () => this.#history.lastInLog(),
      isFull: () => this.#unsent.length >= MAX_WAITING && !deps.isFresh(),
      drained: () => this.#drained(),
      prepareLost: (last) => this.#prepareLost(last),
      onSynced: () => this.catchUpAll(),
      onGone: () => this.#onGone(),
      onReadFailed: (error) => deps.onReadFailed(this, error),
      counters: deps.counters,
    });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ready = promise;
    this.#resolveReady = resolve;
  }

  get state(): Sequencer['state'] {
    return this.sequencer.state;
  }

  get incarnation(): string {
    return this.sequencer.incarnation;
  }

  /** How many connections are subscribed. */
  get size(): number {
    return this.#live.size + this.#lagging.size;
  }

  get inUse(): boolean {
    return this.#holders + this.size > 0;
  }

  subscriptions(): Subscription[] {
    return [...this.#live.members(), ...this.#lagging];
  }

  /** The topic's state in Redis. @param since when that was asked */
  onState(state: TopicState | null, since: number): void {
    if (state?.incarnation === this.incarnation) this.#takeSettings(state);
    this.sequencer.onState(state, since);
  }

  isFresh(): boolean {
    return this.#deps.isFresh();
  }

  /**
   * Sends everything that came in since the last time to all live subscribers, as one write each. Stops at `deadline`
   * (milliseconds of the monotonic clock); false when some have still to be served.
   */
  flush(deadline = Number.POSITIVE_INFINITY): boolean {
    do {
      if (!this.#serve(deadline)) return false;
    } while (this.#beginToServe());
    return true;
  }

  /**
   * Whether what follows `position` is all there, and if not, where it goes on; see `History.judge`. The log decides, not
   * what is in memory: how far back a client may go depends on the topic's history, the same on every edge.
   */
  async judge(position: Position, startPosition: Position): Promise<Verdict | null> {
    const isWithin = comparePositions(position, startPosition) >= 0;
    if (isWithin && this.state === 'open' && position === this.lastSent) return { recovered: true, position };
    const verdict = await this.#history.judge(position, startPosition);
    if (verdict === null) this.sequencer.end();
    return this.state === 'gone' ? null : verdict;
  }

  join(subscription: Subscription): void {
    this.#lagging.add(subscription);
    if (this.size === 1) this.#deps.onOccupancy(this);
    this.catchUp(subscription);
    this.presence?.join(subscription);
  }

  leave(subscription: Subscription, isFinal: boolean): void {
    subscription.ended = true;
    this.presence?.leave(subscription, isFinal);
    this.#live.remove(subscription);
    this.#lagging.delete(subscription);
    if (this.size === 0) this.#deps.onOccupancy(this);
    if (!this.inUse) this.#deps.onIdle(this);
  }

  /** Keeps the topic from being closed while a connection is about to join. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (!this.inUse) this.#deps.onIdle(this);
  }

  reached(subscription: Subscription): Position {
    return this.#live.reached(subscription);
  }

  get heldFrom(): Position | null {
    return this.sequencer.heldFrom;
  }

  gaveAll(subscription: Subscription): boolean {
    return this.sequencer.complete && subscription.reached === this.lastSent;
  }

  sentUpTo(): number | null {
    const { settled, completeAt } = this.sequencer;
    if (!settled || this.#live.busy || this.#unsent.length > 0) return null;
    const compared = Date.now() - (performance.now() - completeAt) - CLOCK_MARGIN_MS;
    // A message shows that there is none before it that is missing.
    return Math.floor(Math.max(compared, Number.parseInt(this.lastSent, 10) - 1));
  }

  lag(subscription: Subscription): void {
    if (this.#live.remove(subscription)) this.#lagging.add(subscription);
  }

  catchUp(subscription: Subscription): void {
    while (!subscription.ended && !subscription.reading && !subscription.subscriber.blocked) {
      if (subscription.position === this.lastSent) {
        this.#lagging.delete(subscription);
        this.#live.add(subscription);
        return;
      }
      if (!this.#deps.isFresh()) return;
      const missed = this.#history.recentAfter(subscription.position);
      if (missed === null) {
        // Ahead of the topic: what it waits for is on its way. Otherwise only the log has what it lacks.
        if (comparePositions(subscription.position, this.lastSent) < 0) void this.#catchUpFromLog(subscription);
        return;
      }
      subscription.deliver(missed);
    }
  }

  /** Sends every lagging subscription what it lacks. */
  catchUpAll(): void {
    for (const subscription of this.#lagging) this.catchUp(subscription);
  }

  #onOpen(state: TopicState): void {
    this.#takeSettings(state);
    this.#startAt(state.last);
    this.#resolveReady(true);
  }

  #takeSettings({ expireSeconds, presence }: TopicState): void {
    const settings = expireSeconds === null && presence === null ? NO_SETTINGS : { expireSeconds, presence };
    if (settingsText(settings) === settingsText(this.settings)) return;
    this.settings = settings;
    this.#deps.onSettings(this);
  }

  #onMessage(message: SentMessage): void {
    this.#unsent.push(message);
    this.#deps.flushSoon(this);
  }

  async #drained(): Promise<void> {
    while (this.#live.busy || this.#unsent.length > 0) {
      await (this.#deps.isFresh() ? new Promise(setImmediate) : this.#deps.whenFresh());
    }
  }

  /**
   * Some lagging subscriptions are ahead of the topic, by what they read from the log, or because they began there. Where
   * the log went back, that may be gone too. `last`, its end, is not enough to tell: it was read before the topic was
   * drained, and by now they may be past it because the log has grown.
   */
  async #prepareLost(last: Position): Promise<(position: Position) => void> {
    const isPast = ({ position }: Subscription) => comparePositions(position, last) > 0;
    const past = new Map([...this.#lagging].filter(isPast).map((one) => [one, one.position]));
    const page = past.size === 0 ? null : await this.#history.read(last);
    return (position) =>
      this.#onLost(position, (one) => page !== null && past.get(one) === one.position && isNotIn(page, one.position));
  }

  /** Announces to every subscription at the last sent message, and to those whose position is gone, that what followed is gone. */
  #onLost(position: Position, isGone: (subscription: Subscription) => boolean): void {
    const after = this.lastSent;
    // What a log that went back does not contain any more is in memory from there on.
    const wasSent = (at: Position) => comparePositions(at, position) > 0 && this.#history.has(at);
    const gone = [...this.#lagging].filter((subscription) => wasSent(subscription.position) || isGone(subscription));
    this.#startAt(position);
    for (const { subscriber } of this.#live.members()) subscriber.announceLost(this.name, after, position);
    for (const subscription of gone) subscription.onGap(position);
  }

  #onGone(): void {
    this.#resolveReady(false);
    if (this.#deps.isFresh()) this.flush();
    // What came before the end goes out before it.
    if (!this.#live.busy && this.#unsent.length === 0) this.#deps.onGone(this);
    else void this.#drained().then(() => this.#deps.onGone(this));
  }

  #startAt(position: Position): void {
    this.lastSent = position;
    this.#history.startAt(position);
    this.#live.moveTo(position);
  }

  #serve(deadline: number): boolean {
    if (!this.#live.busy) return true;
    const served = this.#live.serve(deadline);
    this.#deps.counters.deliveries += served * this.#sending.messages.length;
    this.#deps.counters.deliveredBytes += served * this.#sending.bytes;
    this.#sending.receivers += served;
    if (this.#live.busy) return false;
    this.#onWritten();
    return true;
  }

  /** All live subscribers have been sent what was due. */
  #onWritten(): void {
    const { messages, receivers } = this.#sending;
    this.#sending.messages = NO_MESSAGES;
    const now = Date.now();
    for (const { id, trace } of messages) {
      if (receivers > 0) this.#deps.latencies.publishToWrite.observe(secondsSince(id, now));
      if (trace === undefined) continue;
      traceDelivery({ ...trace, topic: deliveredName(this.name), id, receivers, lagging: this.#lagging.size });
    }
  }

  /** Takes what came in as the next to be sent; false when there is nothing. */
  #beginToServe(): boolean {
    const write = writeOf(this.#unsent, 0, MAX_WRITE_BYTES);
    if (write === null) return false;
    const messages = this.#unsent.splice(0, write.messages);
    for (const message of messages) this.#history.push(message);
    this.lastSent = write.last;
    this.#sending = { messages, bytes: write.frames.length, receivers: 0 };
    this.#live.begin(write.frames, write.last, this.#liveOne(write.except));
    this.catchUpAll();
    if (!this.#live.busy) this.#onWritten();
    return true;
  }

  /** The live subscription of the subscriber with this id. */
  #liveOne(id: string | undefined): Subscription | undefined {
    const found = id === undefined ? undefined : this.#deps.subscriptionOf?.(this.name, id);
    return found?.topic === this && found.liveIndex !== NOT_LIVE ? found : undefined;
  }

  async #catchUpFromLog(subscription: Subscription): Promise<void> {
    subscription.reading = true;
    this.#deps.counters.catchUps += 1;
    const after = subscription.position;
    try {
      const cursor = new LogCursor(subscription, (position) => this.#history.readShared(position));
      if ((await cursor.next()) === 'gone') this.sequencer.end();
    } catch (error) {
      // Redis is away. It stays lagging, and `sync` comes.
      this.#deps.onReadFailed(this, error);
      return;
    } finally {
      subscription.reading = false;
    }
    // The log has nothing for it, so the log is not where this topic believes it to be: asking again would never end.
    if (subscription.position === after && !subscription.subscriber.blocked && this.#deps.isFresh())
      void this.sequencer.sync();
    else this.catchUp(subscription);
  }
}

/** Whether a log has nothing at a position that it had once: it ends before, or goes from one message to the next past it. */
function isNotIn({ entries, last }: FramePage, position: Position): boolean {
  return (
    comparePositions(position, last) > 0 ||
    entries.some(({ prev, id }) => comparePositions(prev, position) < 0 && comparePositions(position, id) < 0)
  );
}
