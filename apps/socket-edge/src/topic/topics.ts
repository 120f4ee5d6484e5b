import type { EdgeBroker } from '@holdfast/broker/broker';
import type { LivePayload } from '@holdfast/broker/live-payload';
import type { TopicState } from '@holdfast/broker/topic-state';
import { BEGINNING } from '@holdfast/protocol/position-order';
import type { Connection } from '../connection/connection.ts';
import { messageEncoder } from '../transport/frames.ts';
import type { Freshness } from '../client/freshness.ts';
import { Gate } from '../schedule/gate.ts';
import type { Subscription } from './subscription.ts';
import type { Counters } from '../counters.ts';
import { type TopicDeps, Topic } from './topic.ts';

/** Entries in one read of a log: with messages of 64 KiB, what one read can bring is still bounded. */
const PAGE_ENTRIES = 128;
/** Logs read at a time: a storm of readers must not stand in memory all at once. */
const READS_AT_ONCE = 16;
/** How long a topic without a subscriber is still heard: people who come back soon, and churn, cost no resubscription. */
const LINGER_MS = 5000;
/** In so long every quiet topic is compared with Redis once. */
const QUIET_MS = 10_000;
/** A topic that was heard or compared so lately is not quiet. */
const LATELY_MS = 1000;
/** How long messages are sent before pings, handshakes and everything else get their turn. */
const SLICE_MS = 4;
/** Topics compared at a time. */
const MAX_BATCH = 500;

/** What the edge subscribes to at Redis. */
interface Ear {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

export interface TopicsDeps {
  broker: EdgeBroker;
  ear: Ear;
  counters: Counters;
  freshness: Pick<Freshness, 'isFresh' | 'whenFresh'>;
  /** A connection was taken off a topic that is gone. */
  onTakenOff: (connection: Connection) => void;
  onError: (error: unknown) => void;
}

/** Every topic with a subscriber on this edge, each incarnation apart. */
export class Topics {
  /** By name; hardly ever more than one has the same. */
  readonly #feeds = new Map<string, readonly Topic[]>();
  #size = 0;
  /** The rest of the round in which quiet topics are compared. */
  #round: Iterator<readonly Topic[]> | null = null;
  #comparedAt = performance.now();
  /** Topics that nobody uses, and since when. */
  readonly #idle = new Map<Topic, number>();
  readonly #toFlush = new Set<Topic>();
  readonly #stalled = new Set<Topic>();
  readonly #topicDeps: TopicDeps;
  readonly #deps: TopicsDeps;
  #flushScheduled = false;

  constructor(deps: TopicsDeps) {
    const { broker, counters, freshness, onError } = deps;
    this.#deps = deps;
    const gate = new Gate(READS_AT_ONCE);
    this.#topicDeps = {
      readTopic: async (topic) => (await broker.readTopics([topic]))[0] ?? null,
      readLog: (topic, after) => gate.run(() => this.#readLog(topic, after)),
      flushSoon: (feed) => this.#flushSoon(feed),
      onGone: (feed) => this.#onGone(feed),
      onIdle: (feed) => this.#onIdle(feed),
      onStalled: (feed, error) => {
        this.#stalled.add(feed);
        onError(error);
      },
      isFresh: () => freshness.isFresh(),
      whenFresh: () => freshness.whenFresh(),
      counters,
    };
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a topic is heard, and it is known where it stands. */
  isOpen(topic: string, incarnation: string): boolean {
    return this.#find(topic, incarnation)?.state === 'open';
  }

  /** The feed of a topic, opened if need be, and held: whoever gets it calls its `release`, joined or not. */
  open(topic: string, incarnation: string): Topic {
    let feed = this.#find(topic, incarnation);
    if (feed === undefined) {
      feed = new Topic(topic, incarnation, this.#topicDeps);
      const others = this.#feeds.get(topic);
      this.#feeds.set(topic, others === undefined ? [feed] : [...others, feed]);
      this.#size += 1;
      if (others === undefined) this.#deps.ear.subscribe(topic);
      // The channel is subscribed already, and no confirmation will follow.
      else feed.sync();
    }
    feed.hold();
    return feed;
  }

  onTopic(topic: string, payload: LivePayload): void {
    for (const feed of this.#feeds.get(topic) ?? []) {
      if (payload.kind === 'message') feed.onLive(payload.prev, payload.id, payload.data);
      // Word of a deletion may be older than the topic that has the name now: only Redis knows which one is gone.
      else if (payload.kind === 'deleted') feed.sync();
    }
    if (payload.kind === 'count') this.#answerCount(topic, payload.question);
  }

  /** Messages may be sent again. */
  onFresh(): void {
    if (this.#toFlush.size > 0) this.#scheduleFlush();
    for (const feed of this.#all()) feed.catchUpAll();
  }

  onHearing(topics: readonly string[]): void {
    this.#deps.counters.resubscriptions += topics.length;
    this.#compare(topics.flatMap((topic) => this.#feeds.get(topic) ?? [])).catch(() => {
      // Redis went away again: they count as stalled, and `tend` comes.
    });
  }

  /** Once a second: tries again what stalled, closes what lingered, looks after what is quiet. */
  async tend(): Promise<void> {
    const stalled = [...this.#stalled];
    this.#stalled.clear();
    for (const feed of stalled) feed.sync();
    this.#closeIdle();
    await this.#checkQuiet();
  }

  /** Compares every topic, after something happened that may have made any of them deaf. */
  syncAll(): Promise<void> {
    return this.#compare([...this.#all()]);
  }

  *#all(): Generator<Topic> {
    for (const feeds of this.#feeds.values()) yield* feeds;
  }

  #find(topic: string, incarnation: string): Topic | undefined {
    return this.#feeds.get(topic)?.find((feed) => feed.incarnation === incarnation);
  }

  #remove(feed: Topic): void {
    const others = this.#feeds.get(feed.topic)?.filter((other) => other !== feed) ?? [];
    this.#size -= 1;
    if (others.length > 0) {
      this.#feeds.set(feed.topic, others);
    } else {
      this.#feeds.delete(feed.topic);
      this.#deps.ear.unsubscribe(feed.topic);
    }
  }

  #onIdle(feed: Topic): void {
    if (feed.state !== 'gone') this.#idle.set(feed, performance.now());
  }

  #closeIdle(): void {
    const due = performance.now() - LINGER_MS;
    for (const [feed, since] of this.#idle) {
      if (!feed.inUse && since > due) continue;
      this.#idle.delete(feed);
      if (feed.inUse) continue;
      this.#remove(feed);
    }
  }

  /** The next part of a round over all topics, so that each one that is quiet is compared once in `QUIET_MS`. */
  async #checkQuiet(): Promise<void> {
    const now = performance.now();
    const due = Math.ceil((this.#feeds.size * (now - this.#comparedAt)) / QUIET_MS);
    this.#comparedAt = now;
    const quiet: Topic[] = [];
    for (let seen = 0; seen < due; seen += 1) {
      this.#round ??= this.#feeds.values();
      const { done, value } = this.#round.next();
      if (done === true) this.#round = null;
      else quiet.push(...value.filter(({ state, freshAt }) => state === 'open' && now - freshAt >= LATELY_MS));
    }
    await this.#compare(quiet);
  }

  /** Asks Redis where these topics stand, many at once; only those that stand elsewhere have a look into their log. */
  async #compare(feeds: readonly Topic[]): Promise<void> {
    for (let from = 0; from < feeds.length; from += MAX_BATCH) {
      try {
        await this.#compareBatch(feeds.slice(from, from + MAX_BATCH));
      } catch (error) {
        for (const feed of feeds.slice(from)) this.#stalled.add(feed);
        throw error;
      }
    }
  }

  async #compareBatch(feeds: readonly Topic[]): Promise<void> {
    const known = feeds.map(({ topic, incarnation, lastReceived }) => ({
      topic,
      incarnation,
      last: lastReceived ?? BEGINNING,
    }));
    const differing = await this.#deps.broker.compareTopics(known);
    for (const [index, feed] of feeds.entries()) {
      const topic = known[index];
      const state: TopicState | null | undefined = topic && differing.get(topic);
      if (state === undefined) feed.onUnchanged();
      else feed.onState(state);
    }
  }

  async #readLog(topic: string, after: string) {
    const page = await this.#deps.broker.readLog(topic, after, PAGE_ENTRIES);
    if (page === null) return null;
    const encode = messageEncoder(topic);
    return {
      ...page,
      entries: page.entries.map(({ id, prev, data }) => ({ id, prev, frame: encode(id, data) })),
    };
  }

  #flushSoon(feed: Topic): void {
    this.#toFlush.add(feed);
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
    for (const feed of this.#toFlush) {
      this.#toFlush.delete(feed);
      // At the end of the line again, so that a large topic does not keep the small ones waiting.
      if (!feed.flush(deadline)) this.#toFlush.add(feed);
      if (performance.now() >= deadline) break;
    }
    if (this.#toFlush.size > 0) this.#scheduleFlush();
  }

  #onGone(feed: Topic): void {
    this.#idle.delete(feed);
    this.#stalled.delete(feed);
    if (this.#find(feed.topic, feed.incarnation) === feed) this.#remove(feed);
    const all: Subscription[] = [...feed.live.members(), ...feed.lagging];
    for (const subscription of all) {
      subscription.connection.unsubscribe(subscription, 'topic-deleted');
      this.#deps.onTakenOff(subscription.connection);
    }
  }

  #answerCount(topic: string, question: string): void {
    const feeds = this.#feeds.get(topic) ?? [];
    const subscribers = feeds.reduce((sum, feed) => sum + feed.subscribers, 0);
    this.#deps.broker.answer(question, subscribers).catch(() => {
      // Redis went away: whoever asked reports "not known" by itself.
    });
  }
}
