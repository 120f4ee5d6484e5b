import type { EdgeBroker } from '@holdfast/broker/broker';
import type { LiveSubscriber } from '@holdfast/broker/live-subscriber';
import type { LivePayload } from '@holdfast/broker/live-payload';
import pLimit from 'p-limit';
import type { Freshness } from '../client/freshness.ts';
import type { Counters, Latencies } from '../counters.ts';
import type { Broadcast } from '../transport/transport.ts';
import { TopicComparison } from './comparison.ts';
import { framePage } from './frame-page.ts';
import type { Subscription } from './subscription.ts';
import { Topic, type TopicDeps } from './topic.ts';

/** Entries in one read of a log: with messages of 64 KiB, what one read can bring is still bounded. */
const PAGE_ENTRIES = 128;
/** Logs read at a time: a storm of readers must not stand in memory all at once. */
const MAX_READS = 16;
/** How long a topic without a subscriber stays subscribed: clients that come back soon, and churn, cost no resubscription. */
const LINGER_MS = 5000;
/** How long messages are sent before pings, handshakes and everything else get their turn. */
const SLICE_MS = 4;

export interface TopicsDeps {
  broker: Pick<EdgeBroker, 'readTopics' | 'readLog' | 'compareTopics' | 'touchTopic' | 'answer'>;
  /** Subscribes to the live channels of topics. */
  channels: Pick<LiveSubscriber, 'subscribe' | 'unsubscribe'>;
  broadcast: Broadcast;
  counters: Counters;
  latencies: Pick<Latencies, 'publishToWrite'>;
  freshness: Pick<Freshness, 'isFresh' | 'whenFresh'>;
  /** A topic expires otherwise than before, or has another presence. */
  onSettings?: (topic: Topic) => void;
  /** The first connection has subscribed to a topic of this name, or the last one has left one. */
  onOccupancy?: (topic: string) => void;
  /** The subscription to a topic of the subscriber with this id; for messages that one subscriber does not get. */
  subscriptionOf?: TopicDeps['subscriptionOf'];
  /** The client was unsubscribed from a topic that is gone. */
  onUnsubscribed: (clientId: string) => void;
  onError: (error: unknown) => void;
}

/** Every topic with a subscriber on this edge, each incarnation apart. */
export class Topics {
  /** By name; hardly ever more than one has the same. */
  readonly #topics = new Map<string, readonly Topic[]>();
  #size = 0;
  readonly #comparison: TopicComparison;
  /** Topics that are not in use, and since when. */
  readonly #idle = new Map<Topic, number>();
  readonly #toFlush = new Set<Topic>();
  readonly #topicDeps: TopicDeps;
  readonly #deps: TopicsDeps;
  #flushScheduled = false;

  constructor(deps: TopicsDeps) {
    const { broker, broadcast, counters, latencies, freshness, onError } = deps;
    this.#deps = deps;
    this.#comparison = new TopicComparison(broker, this.#topics);
    const limit = pLimit(MAX_READS);
    this.#topicDeps = {
      readTopic: async (name) => (await broker.readTopics([name]))[0] ?? null,
      readLog: (name, after) => limit(() => this.#readLog(name, after)),
      broadcast,
      flushSoon: (topic) => this.#flushSoon(topic),
      onGone: (topic) => this.#onGone(topic),
      subscriptionOf: deps.subscriptionOf,
      onSettings: (topic) => deps.onSettings?.(topic),
      onIdle: (topic) => this.#onIdle(topic),
      onOccupancy: ({ name }) => deps.onOccupancy?.(name),
      onReadFailed: (topic, error) => {
        this.#comparison.onReadFailed(topic);
        onError(error);
      },
      isFresh: () => freshness.isFresh(),
      whenFresh: () => freshness.whenFresh(),
      counters,
      latencies,
    };
  }

  get size(): number {
    return this.#size;
  }

  names(): Iterable<string> {
    return this.#topics.keys();
  }

  /** Whether any connection is subscribed to it. */
  isOccupied(name: string): boolean {
    return this.#topics.get(name)?.some(({ size }) => size > 0) === true;
  }

  /** How many connections are subscribed to it. */
  subscribersOf(name: string): number {
    return (this.#topics.get(name) ?? []).reduce((sum, { size }) => sum + size, 0);
  }

  /** The subscriptions to it. */
  subscriptionsOf(name: string): Subscription[] {
    return (this.#topics.get(name) ?? []).flatMap((topic) => topic.subscriptions());
  }

  /** The topic of this name, if it is subscribed and its last message known; the newest incarnation. */
  openTopic(name: string): Topic | null {
    return this.#topics.get(name)?.findLast(({ state }) => state === 'open') ?? null;
  }

  /** Whether a topic is subscribed, and its last message known. */
  isOpen(name: string, incarnation: string): boolean {
    return this.#find(name, incarnation)?.state === 'open';
  }

  /** A topic, opened if need be, and held: the caller calls its `release`, joined or not. */
  open(name: string, incarnation: string): Topic {
    let topic = this.#find(name, incarnation);
    if (topic === undefined) {
      topic = new Topic(name, incarnation, this.#topicDeps);
      const others = this.#topics.get(name);
      this.#topics.set(name, others === undefined ? [topic] : [...others, topic]);
      this.#size += 1;
      if (others?.[0] === undefined) {
        this.#deps.channels.subscribe(name);
      } else {
        // The channel is subscribed already, and no confirmation will follow.
        topic.sequencer.liveSince = others[0].sequencer.liveSince;
        void topic.sequencer.sync();
      }
    }
    topic.hold();
    return topic;
  }

  onTopic(name: string, payload: LivePayload): void {
    for (const topic of this.#topics.get(name) ?? []) {
      if (payload.kind === 'message')
        topic.sequencer.onLive(payload.prev, payload.id, payload.data, payload.traceparent, payload.except);
      // It may be older than the topic that has the name now: only Redis knows which one is gone.
      else if (payload.kind === 'deleted') void topic.sequencer.sync();
    }
    if (payload.kind === 'settings') void this.#comparison.readSettings([name]);
    if (payload.kind === 'count') this.#answerCount(name, payload.surveyId);
  }

  /** Messages may be sent again. */
  onFresh(): void {
    if (this.#toFlush.size > 0) this.#scheduleFlush();
    for (const topic of this.#all()) topic.catchUpAll();
  }

  /** Redis has confirmed subscriptions. */
  onSubscribed(names: readonly string[]): void {
    this.#deps.counters.resubscriptions += names.length;
    this.#setLiveSince(names, performance.now());
    this.#comparison.compare(names).catch(() => {
      // Redis went away again: they count as unread, and `tend` comes.
    });
  }

  /** The connection to the live channels of these topics is gone; `onSubscribed` follows. */
  onDisconnected(names: readonly string[]): void {
    this.#setLiveSince(names, Number.POSITIVE_INFINITY);
  }

  /** Once a second: repeats reads that failed, closes idle topics, compares quiet ones. */
  tend(): Promise<void> {
    this.#closeIdle();
    return this.#comparison.tend();
  }

  /** Compares every topic, after something happened that may have made any of them miss messages. */
  syncAll(): Promise<void> {
    return this.#comparison.compare(this.#topics.keys());
  }

  #setLiveSince(names: readonly string[], since: number): void {
    for (const name of names) {
      for (const { sequencer } of this.#topics.get(name) ?? []) sequencer.liveSince = since;
    }
  }

  *#all(): Generator<Topic> {
    for (const topics of this.#topics.values()) yield* topics;
  }

  #find(name: string, incarnation: string): Topic | undefined {
    return this.#topics.get(name)?.find((topic) => topic.incarnation === incarnation);
  }

  #remove(topic: Topic): void {
    const others = this.#topics.get(topic.name)?.filter((other) => other !== topic) ?? [];
    this.#size -= 1;
    if (others.length > 0) {
      this.#topics.set(topic.name, others);
    } else {
      this.#topics.delete(topic.name);
      this.#deps.channels.unsubscribe(topic.name);
    }
  }

  #onIdle(topic: Topic): void {
    if (topic.state !== 'gone') this.#idle.set(topic, performance.now());
  }

  #closeIdle(): void {
    const due = performance.now() - LINGER_MS;
    for (const [topic, since] of this.#idle) {
      if (!topic.inUse && since > due) continue;
      this.#idle.delete(topic);
      if (topic.inUse) continue;
      this.#remove(topic);
      if (topic.settings.expireSeconds !== null) this.#touch(topic);
    }
  }

  #touch({ name }: Topic): void {
    this.#deps.broker.touchTopic(name).catch(() => {
      // Redis went away: the topic counts as used until it was last looked at, a quarter of its time before at most.
    });
  }

  async #readLog(name: string, after: string) {
    const page = await this.#deps.broker.readLog(name, after, PAGE_ENTRIES);
    return page && framePage(name, page);
  }

  #flushSoon(topic: Topic): void {
    this.#toFlush.add(topic);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flushSlice());
  }

  #flushSlice(): void {
    this.#flushScheduled = false;
    // If not, `onFresh` follows.
    if (!this.#deps.freshness.isFresh()) return;
    const deadline = performance.now() + SLICE_MS;
    for (const topic of this.#toFlush) {
      this.#toFlush.delete(topic);
      // At the end of the queue again, so that a large topic does not keep the small ones waiting.
      if (!topic.flush(deadline)) this.#toFlush.add(topic);
      if (performance.now() >= deadline) break;
    }
    if (this.#toFlush.size > 0) this.#scheduleFlush();
  }

  #onGone(topic: Topic): void {
    this.#idle.delete(topic);
    this.#comparison.onGone(topic);
    if (this.#find(topic.name, topic.incarnation) === topic) this.#remove(topic);
    for (const subscription of topic.subscriptions()) {
      const { subscriber } = subscription;
      subscriber.unsubscribe(subscription, 'topic-deleted');
      this.#deps.onUnsubscribed(subscriber.clientId);
    }
  }

  #answerCount(name: string, surveyId: string): void {
    this.#deps.broker.answer(surveyId, this.subscribersOf(name)).catch(() => {
      // Redis went away: the survey reports "not known" by itself.
    });
  }
}
