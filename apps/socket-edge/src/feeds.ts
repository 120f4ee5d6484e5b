import type { EdgeBroker } from '@holdfast/broker/broker';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { messageEncoder } from './frames.ts';
import { Gate } from './gate.ts';
import type { Subscription } from './subscription.ts';
import type { Tally } from './tally.ts';
import { type FeedWorld, TopicFeed } from './topic-feed.ts';

/** Entries in one read of a log: with messages of 64 KiB, what one read can bring is still bounded. */
const PAGE_ENTRIES = 128;
/** Logs read at a time: a storm of readers must not stand in memory all at once. */
const READS_AT_ONCE = 16;
/** How long a topic without a subscriber is still heard: people who come back soon, and churn, cost no resubscription. */
const LINGER_MS = 5000;
/** A topic from which nothing came for so long is compared with Redis. */
const QUIET_MS = 10_000;
/** How long messages are sent before pings, handshakes and everything else get their turn. */
const SLICE_MS = 4;
/** Topics compared in one round. */
const CHECKS_AT_ONCE = 500;

/** What the edge subscribes to at Redis. */
export interface Ear {
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

/** Every topic with a subscriber on this edge. */
export class Feeds {
  readonly #feeds = new Map<string, TopicFeed>();
  /** Feeds that nobody uses, and since when. */
  readonly #idle = new Map<TopicFeed, number>();
  readonly #toFlush = new Set<TopicFeed>();
  readonly #stalled = new Set<TopicFeed>();
  readonly #world: FeedWorld;
  readonly #broker: EdgeBroker;
  readonly #ear: Ear;
  readonly #tally: Tally;
  #flushScheduled = false;

  constructor(broker: EdgeBroker, ear: Ear, tally: Tally, onError: (error: unknown) => void) {
    this.#broker = broker;
    this.#ear = ear;
    this.#tally = tally;
    const gate = new Gate(READS_AT_ONCE);
    this.#world = {
      readTopic: async (topic) => (await broker.readTopics([topic]))[0] ?? null,
      readLog: (topic, after) => gate.run(() => this.#readLog(topic, after)),
      flushSoon: (feed) => this.#flushSoon(feed),
      onGone: (feed) => this.#onGone(feed),
      onIdle: (feed) => this.#onIdle(feed),
      onStalled: (feed, error) => {
        this.#stalled.add(feed);
        onError(error);
      },
      tally,
    };
  }

  get size(): number {
    return this.#feeds.size;
  }

  /** Whether a topic is heard, and it is known where it stands. */
  isOpen(topic: string): boolean {
    return this.#feeds.get(topic)?.state === 'open';
  }

  /** The feed of a topic, opened if need be, and held: whoever gets it calls its `release`, joined or not. */
  open(topic: string): TopicFeed {
    let feed = this.#feeds.get(topic);
    if (feed === undefined) {
      feed = new TopicFeed(topic, this.#world);
      this.#feeds.set(topic, feed);
      this.#ear.subscribe(topic);
    }
    feed.hold();
    return feed;
  }

  onTopic(topic: string, payload: LivePayload): void {
    const feed = this.#feeds.get(topic);
    if (feed === undefined) return;
    if (payload.kind === 'message') feed.onLive(payload.prev, payload.id, payload.data);
    // Word of a deletion may be older than the topic that has the name now: only Redis knows which one is gone.
    else if (payload.kind === 'deleted') feed.sync();
    else if (payload.kind === 'count') this.#answerCount(feed, payload.question);
  }

  onHearing(topics: readonly string[]): void {
    this.#tally.resubscriptions += topics.length;
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

  /** Looks at every topic, after something happened that may have made any of them deaf. */
  syncAll(): Promise<void> {
    return this.#compare([...this.#feeds.values()]);
  }

  #onIdle(feed: TopicFeed): void {
    if (feed.state !== 'gone') this.#idle.set(feed, performance.now());
  }

  #closeIdle(): void {
    const due = performance.now() - LINGER_MS;
    for (const [feed, since] of this.#idle) {
      if (!feed.inUse && since > due) continue;
      this.#idle.delete(feed);
      if (feed.inUse) continue;
      this.#feeds.delete(feed.topic);
      this.#ear.unsubscribe(feed.topic);
    }
  }

  async #checkQuiet(): Promise<void> {
    const due = performance.now() - QUIET_MS;
    const quiet: TopicFeed[] = [];
    for (const feed of this.#feeds.values()) {
      if (feed.state === 'open' && feed.freshAt < due) quiet.push(feed);
      if (quiet.length === CHECKS_AT_ONCE) break;
    }
    await this.#compare(quiet);
  }

  /** Asks Redis where these topics stand, all at once; only those who stand elsewhere have a look into their log. */
  async #compare(feeds: readonly TopicFeed[]): Promise<void> {
    for (let from = 0; from < feeds.length; from += CHECKS_AT_ONCE) {
      const some = feeds.slice(from, from + CHECKS_AT_ONCE);
      try {
        const states = await this.#broker.readTopics(some.map((feed) => feed.topic));
        for (const [index, feed] of some.entries()) feed.onState(states[index] ?? null);
      } catch (error) {
        for (const feed of feeds.slice(from)) this.#stalled.add(feed);
        throw error;
      }
    }
  }

  async #readLog(topic: string, after: string) {
    const page = await this.#broker.readLog(topic, after, PAGE_ENTRIES);
    if (page === null) return null;
    const encode = messageEncoder(topic);
    return {
      ...page,
      entries: page.entries.map(({ id, prev, data }) => ({ id, prev, frame: encode(id, data) })),
    };
  }

  #flushSoon(feed: TopicFeed): void {
    this.#toFlush.add(feed);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flushSlice());
  }

  #flushSlice(): void {
    const deadline = performance.now() + SLICE_MS;
    for (const feed of this.#toFlush) {
      this.#toFlush.delete(feed);
      // At the end of the line again, so that a large topic does not keep the small ones waiting.
      if (!feed.flush(deadline)) this.#toFlush.add(feed);
      if (performance.now() >= deadline) break;
    }
    this.#flushScheduled = this.#toFlush.size > 0;
    if (this.#flushScheduled) setImmediate(() => this.#flushSlice());
  }

  #onGone(feed: TopicFeed): void {
    this.#idle.delete(feed);
    this.#stalled.delete(feed);
    if (this.#feeds.get(feed.topic) === feed) {
      this.#feeds.delete(feed.topic);
      this.#ear.unsubscribe(feed.topic);
    }
    const all: Subscription[] = [...feed.audience.members(), ...feed.behind];
    for (const subscription of all) subscription.connection.unsubscribe(subscription, 'topic-deleted');
  }

  #answerCount(feed: TopicFeed, question: string): void {
    this.#broker.answer(question, feed.subscribers).catch(() => {
      // Redis went away: whoever asked says "not known" by itself.
    });
  }
}
