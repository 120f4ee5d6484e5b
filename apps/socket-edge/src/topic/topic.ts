import { type TopicState, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import { Audience } from './live-subscribers.ts';
import { Follower } from './sequencer.ts';
import { messageEncoder } from '../transport/frames.ts';
import { type FramePage, LogReader } from './log-reader.ts';
import { Ring, type SentMessage } from './replay-buffer.ts';
import type { Subscription } from './subscription.ts';
import type { Tally } from '../counters.ts';
import { writeOf } from './replay-buffer.ts';

/** What a feed needs of the world around it. */
export interface FeedWorld {
  readTopic: (topic: string) => Promise<TopicState | null>;
  readLog: (topic: string, after: Position) => Promise<FramePage | null>;
  /** Calls `feed.flush()` soon, once, whatever comes in until then. */
  flushSoon: (feed: TopicFeed) => void;
  /** The topic exists no more: the feed is over. */
  onGone: (feed: TopicFeed) => void;
  /** Nobody uses the feed any more. */
  onIdle: (feed: TopicFeed) => void;
  /** Redis did not answer: `feed.sync()` is wanted later. */
  onStalled: (feed: TopicFeed, error: unknown) => void;
  /** Whether messages may be sent now; if not, `pumpAll` and `flush` follow. */
  isFresh: () => boolean;
  /** Resolves when they may. */
  whenFresh: () => Promise<void>;
  tally: Tally;
}

/** Whether a position can be continued, and where it goes on. */
export interface Verdict {
  recovered: boolean;
  position: Position;
}

/** In one write: a burst of large messages must not stand in the buffer of a reader that has stopped. */
const MAX_WRITE_BYTES = 64 * 1024;
/** The same of what a connection missed: less, for it comes on top of what waits already. */
const MAX_CATCH_UP_BYTES = 16 * 1024;
/** Messages that wait until anything may be sent. Past it they stay in the log. */
const MAX_WAITING = 1000;

/**
 * One topic, of one incarnation, on this edge and its subscribers. What is said comes from its follower without a gap, goes to the live
 * ones at once, and stays in the ring for those who are behind; what the ring has no more, they get from the log.
 */
export class TopicFeed {
  readonly topic: string;
  /** Resolves when it is known where the topic stands; false when it does not exist. */
  readonly ready: Promise<boolean>;
  /** Those who receive at once. */
  readonly audience = new Audience(BEGINNING);
  /** Those who do not, each at a position of its own. */
  readonly behind = new Set<Subscription>();
  /** The last message that went out. */
  head: Position = BEGINNING;

  readonly #world: FeedWorld;
  readonly #follower: Follower;
  readonly #reader: LogReader;
  readonly #resolveReady: (exists: boolean) => void;
  #ring = new Ring(BEGINNING);
  /** Appended, but not sent yet: what comes in within one tick goes out as one write. */
  #fresh: SentMessage[] = [];
  /** What each of those who are being served gets. */
  #serving = { messages: 0, bytes: 0 };
  /** Those who are about to join. */
  #holders = 0;

  constructor(topic: string, incarnation: string, world: FeedWorld) {
    this.topic = topic;
    this.#world = world;
    this.#follower = new Follower(incarnation, {
      readState: () => world.readTopic(topic),
      readPage: (after) => this.#readPage(after),
      encode: messageEncoder(topic),
      onOpen: (state) => this.#onOpen(state),
      onMessage: (message) => this.#onMessage(message),
      has: (id) => this.#ring.has(id) || this.#fresh.some((message) => message.id === id),
      lastInLog: () => this.#lastInLog(),
      isFull: () => this.#fresh.length >= MAX_WAITING && !world.isFresh(),
      handedOn: () => this.#handedOn(),
      onLost: (position, last) => this.#onLost(position, last),
      onSynced: () => this.pumpAll(),
      onGone: () => this.#onGone(),
      onStalled: (error) => world.onStalled(this, error),
      tally: world.tally,
    });
    this.#reader = new LogReader((after) => this.#readPage(after));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ready = promise;
    this.#resolveReady = resolve;
  }

  get state(): Follower['state'] {
    return this.#follower.state;
  }

  get incarnation(): string {
    return this.#follower.incarnation;
  }

  /** The last message that was received; null until it is known where the topic stands. */
  get lastReceived(): Position | null {
    return this.#follower.lastReceived;
  }

  /** When something was last heard or compared, in milliseconds of the monotonic clock. */
  get freshAt(): number {
    return this.#follower.freshAt;
  }

  onLive(prev: Position, id: Position, data: Buffer): void {
    this.#follower.onLive(prev, id, data);
  }

  /** Redis says where the topic stands; null: it does not exist. */
  onState(state: TopicState | null): void {
    this.#follower.onState(state);
  }

  /** Redis confirms that the topic stands where it is known to. */
  onUnchanged(): void {
    this.#follower.onUnchanged();
  }

  /** Looks up what was not heard; also what Redis did not answer before. */
  sync(): void {
    void this.#follower.sync();
  }

  /** The topic exists no more. */
  end(): void {
    this.#follower.end();
  }

  /**
   * Everything that came in since the last time goes to all who are live, as one write each. Stops at `deadline`
   * (milliseconds of the monotonic clock); false when somebody has still to be served.
   */
  flush(deadline = Number.POSITIVE_INFINITY): boolean {
    do {
      if (!this.#serve(deadline)) return false;
    } while (this.#beginToServe());
    return true;
  }

  /**
   * Whether what follows `position` is all there, and if not, where it goes on. Null when the topic is gone. The log
   * decides, not the ring: how far back a client may go is for the topic's history to say, the same on every edge.
   * @param begin where the subscription begins: what was published between an earlier position and it is not for the
   *   client, and missing
   */
  async judge(position: Position, begin: Position): Promise<Verdict | null> {
    const isWithin = comparePositions(position, begin) >= 0;
    if (isWithin && this.state === 'open' && position === this.head) return { recovered: true, position };
    const page = await this.#reader.after(position);
    if (page === null) this.end();
    if (page === null || this.state === 'gone') return null;
    const next = page.entries[0];
    const isBefore = !isWithin && next !== undefined && comparePositions(next.id, begin) <= 0;
    if (continues(page, position) && !isBefore) return { recovered: true, position };
    return {
      recovered: false,
      position: next === undefined || isWithin ? goesOnFrom(page) : laterOf(begin, next.prev),
    };
  }

  /** Takes a subscription in at its position; what it missed goes out now or soon. */
  join(subscription: Subscription): void {
    this.behind.add(subscription);
    this.pump(subscription);
  }

  leave(subscription: Subscription): void {
    subscription.ended = true;
    this.audience.remove(subscription);
    this.behind.delete(subscription);
    if (!this.inUse) this.#world.onIdle(this);
  }

  /** Connections that are subscribed. */
  get subscribers(): number {
    return this.audience.size + this.behind.size;
  }

  get inUse(): boolean {
    return this.#holders + this.subscribers > 0;
  }

  /** Keeps the feed from being closed while somebody is about to join. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (!this.inUse) this.#world.onIdle(this);
  }

  /** Takes a subscription out of the live ones; it keeps its position and nothing else. */
  fallBehind(subscription: Subscription): void {
    if (this.audience.remove(subscription)) this.behind.add(subscription);
  }

  /** Gives a subscription that is behind what it lacks, as far as its connection takes it. */
  pump(subscription: Subscription): void {
    while (!subscription.ended && !subscription.reading && !subscription.connection.blocked) {
      if (subscription.position === this.head) {
        this.#goLive(subscription);
        return;
      }
      if (!this.#world.isFresh()) return;
      const missed = this.#ring.after(subscription.position);
      if (missed === null) {
        // Ahead of the feed: what it waits for is on its way. Otherwise only the log has what it lacks.
        if (comparePositions(subscription.position, this.head) < 0) void this.#pumpFromLog(subscription);
        return;
      }
      this.#deliver(subscription, missed);
    }
  }

  /** Gives all who are behind what they lack. */
  pumpAll(): void {
    for (const subscription of this.behind) this.pump(subscription);
  }

  #onOpen(state: TopicState): void {
    this.#startAt(state.last);
    this.#resolveReady(true);
  }

  #onMessage(message: SentMessage): void {
    this.#fresh.push(message);
    this.#world.flushSoon(this);
  }

  async #handedOn(): Promise<void> {
    while (this.audience.busy || this.#fresh.length > 0) {
      await (this.#world.isFresh() ? new Promise(setImmediate) : this.#world.whenFresh());
    }
  }

  /** Everybody who stands at the head is told that what followed is gone. */
  #onLost(position: Position, last: Position): void {
    const after = this.head;
    // What a log that went back does not contain is gone from there on; else only what lies beyond its end.
    const kept = comparePositions(position, after) < 0 ? position : last;
    this.#startAt(position);
    for (const subscription of this.audience.members()) this.#announceLost(subscription, after, position);
    for (const subscription of this.behind) {
      // Ahead of the feed it may well be, by what it read from the log; beyond the log it waits for what Redis forgot.
      if (comparePositions(subscription.position, kept) <= 0) continue;
      this.#announceLost(subscription, subscription.position, position);
      subscription.position = position;
    }
  }

  #onGone(): void {
    this.#resolveReady(false);
    if (this.#world.isFresh()) this.flush();
    // What came before the end goes out before it.
    if (!this.audience.busy && this.#fresh.length === 0) this.#world.onGone(this);
    else void this.#handedOn().then(() => this.#world.onGone(this));
  }

  #startAt(position: Position): void {
    this.head = position;
    this.#ring = new Ring(position);
    this.audience.moveTo(position);
  }

  #serve(deadline: number): boolean {
    if (!this.audience.busy) return true;
    const served = this.audience.serve(deadline);
    this.#world.tally.deliveries += served * this.#serving.messages;
    this.#world.tally.deliveredBytes += served * this.#serving.bytes;
    return !this.audience.busy;
  }

  /** Takes what came in as the next to be sent; false when there is nothing. Those who are behind take it from the ring. */
  #beginToServe(): boolean {
    const write = writeOf(this.#fresh, 0, MAX_WRITE_BYTES);
    if (write === null) return false;
    for (const message of this.#fresh.splice(0, write.messages)) this.#ring.push(message);
    this.head = write.last;
    this.#serving = { messages: write.messages, bytes: write.frames.length };
    this.audience.begin(write.frames, write.last);
    this.pumpAll();
    return true;
  }

  #goLive(subscription: Subscription): void {
    this.behind.delete(subscription);
    this.audience.add(subscription);
  }

  /** Sends messages until the connection has enough of them. */
  #deliver(subscription: Subscription, messages: readonly SentMessage[]): void {
    const { connection } = subscription;
    let sent = 0;
    while (!subscription.ended && !connection.blocked) {
      const write = writeOf(messages, sent, MAX_CATCH_UP_BYTES);
      if (write === null) return;
      sent += write.messages;
      subscription.position = write.last;
      connection.send(write.frames, write.messages);
    }
  }

  async #pumpFromLog(subscription: Subscription): Promise<void> {
    subscription.reading = true;
    this.#world.tally.catchUps += 1;
    const after = subscription.position;
    try {
      const page = await this.#reader.after(after);
      if (page === null) this.end();
      // It may have been told meanwhile that it goes on elsewhere.
      else if (subscription.position === after && this.#world.isFresh()) this.#deliverPage(subscription, page);
    } catch (error) {
      // Redis is away. It stays behind, and `sync` comes.
      this.#world.onStalled(this, error);
      return;
    } finally {
      subscription.reading = false;
    }
    // The log has nothing for it, so the log is not where this feed believes it to be: asking again would never end.
    if (subscription.position === after && !subscription.connection.blocked && this.#world.isFresh()) this.sync();
    else this.pump(subscription);
  }

  #deliverPage(subscription: Subscription, page: FramePage): void {
    if (subscription.ended) return;
    if (!continues(page, subscription.position)) {
      const position = goesOnFrom(page);
      this.#announceLost(subscription, subscription.position, position);
      subscription.position = position;
    }
    this.#deliver(subscription, page.entries);
  }

  #announceLost(subscription: Subscription, after: Position, position: Position): void {
    subscription.connection.announceLost(this.topic, after, position);
  }

  /**
   * Redis has lost its last writes: gives the last message of the ring that the log still contains. Those who had what is
   * gone get everything that was published instead.
   */
  async #lastInLog(): Promise<Position> {
    let at = this.#ring.base;
    for (;;) {
      const page = await this.#readPage(at);
      const unknown = page?.entries.find(({ id }) => !this.#ring.has(id));
      if (unknown !== undefined) return unknown.prev;
      const last = page?.entries.at(-1);
      if (last === undefined) return page === null || comparePositions(at, page.last) <= 0 ? at : page.last;
      at = last.id;
    }
  }

  /** Null when the topic is gone, also when another one has its name by now. */
  async #readPage(after: Position): Promise<FramePage | null> {
    this.#world.tally.logReads += 1;
    const page = await this.#world.readLog(this.topic, after);
    if (page?.incarnation !== this.incarnation) return null;
    this.#ring.prepend(page.entries);
    return page;
  }
}
