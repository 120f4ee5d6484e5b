import { type TopicState, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import { LiveSubscribers } from './live-subscribers.ts';
import { Sequencer } from './sequencer.ts';
import { messageEncoder } from '../transport/frames.ts';
import { type FramePage, LogReader } from './log-reader.ts';
import { ReplayBuffer, type SentMessage } from './replay-buffer.ts';
import type { Subscription } from './subscription.ts';
import type { Counters } from '../counters.ts';
import { writeOf } from './replay-buffer.ts';

/** What a feed needs of the world around it. */
export interface TopicDeps {
  readTopic: (topic: string) => Promise<TopicState | null>;
  readLog: (topic: string, after: Position) => Promise<FramePage | null>;
  /** Calls `feed.flush()` soon, once, whatever comes in until then. */
  flushSoon: (feed: Topic) => void;
  /** The topic exists no more: the feed is over. */
  onGone: (feed: Topic) => void;
  /** Nobody uses the feed any more. */
  onIdle: (feed: Topic) => void;
  /** Redis did not answer: `feed.sync()` is wanted later. */
  onStalled: (feed: Topic, error: unknown) => void;
  /** Whether messages may be sent now; if not, `catchUpAll` and `flush` follow. */
  isFresh: () => boolean;
  /** Resolves when they may. */
  whenFresh: () => Promise<void>;
  counters: Counters;
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
 * One topic, of one incarnation, on this edge and its subscribers. What is said comes from its sequencer without a gap, goes to the live
 * ones at once, and stays in the ring for those who are behind; what the ring has no more, they get from the log.
 */
export class Topic {
  readonly topic: string;
  /** Resolves when it is known where the topic stands; false when it does not exist. */
  readonly ready: Promise<boolean>;
  /** Those who receive at once. */
  readonly live = new LiveSubscribers(BEGINNING);
  /** Those who do not, each at a position of its own. */
  readonly lagging = new Set<Subscription>();
  /** The last message that went out. */
  head: Position = BEGINNING;

  readonly #deps: TopicDeps;
  readonly #sequencer: Sequencer;
  readonly #reader: LogReader;
  readonly #resolveReady: (exists: boolean) => void;
  #replayBuffer = new ReplayBuffer(BEGINNING);
  /** Appended, but not sent yet: what comes in within one tick goes out as one write. */
  #fresh: SentMessage[] = [];
  /** What each of those who are being served gets. */
  #serving = { messages: 0, bytes: 0 };
  /** Those who are about to join. */
  #holders = 0;

  constructor(topic: string, incarnation: string, world: TopicDeps) {
    this.topic = topic;
    this.#deps = world;
    this.#sequencer = new Sequencer(incarnation, {
      readState: () => world.readTopic(topic),
      readPage: (after) => this.#readPage(after),
      encode: messageEncoder(topic),
      onOpen: (state) => this.#onOpen(state),
      onMessage: (message) => this.#onMessage(message),
      has: (id) => this.#replayBuffer.has(id) || this.#fresh.some((message) => message.id === id),
      lastInLog: () => this.#lastInLog(),
      isFull: () => this.#fresh.length >= MAX_WAITING && !world.isFresh(),
      drained: () => this.#drained(),
      onLost: (position, last) => this.#onLost(position, last),
      onSynced: () => this.catchUpAll(),
      onGone: () => this.#onGone(),
      onStalled: (error) => world.onStalled(this, error),
      counters: world.counters,
    });
    this.#reader = new LogReader((after) => this.#readPage(after));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ready = promise;
    this.#resolveReady = resolve;
  }

  get state(): Sequencer['state'] {
    return this.#sequencer.state;
  }

  get incarnation(): string {
    return this.#sequencer.incarnation;
  }

  /** The last message that was received; null until it is known where the topic stands. */
  get lastReceived(): Position | null {
    return this.#sequencer.lastReceived;
  }

  /** When something was last heard or compared, in milliseconds of the monotonic clock. */
  get freshAt(): number {
    return this.#sequencer.freshAt;
  }

  onLive(prev: Position, id: Position, data: Buffer): void {
    this.#sequencer.onLive(prev, id, data);
  }

  /** Redis says where the topic stands; null: it does not exist. */
  onState(state: TopicState | null): void {
    this.#sequencer.onState(state);
  }

  /** Redis confirms that the topic stands where it is known to. */
  onUnchanged(): void {
    this.#sequencer.onUnchanged();
  }

  /** Looks up what was not heard; also what Redis did not answer before. */
  sync(): void {
    void this.#sequencer.sync();
  }

  /** The topic exists no more. */
  end(): void {
    this.#sequencer.end();
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
    this.lagging.add(subscription);
    this.catchUp(subscription);
  }

  leave(subscription: Subscription): void {
    subscription.ended = true;
    this.live.remove(subscription);
    this.lagging.delete(subscription);
    if (!this.inUse) this.#deps.onIdle(this);
  }

  /** Connections that are subscribed. */
  get subscribers(): number {
    return this.live.size + this.lagging.size;
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
    if (!this.inUse) this.#deps.onIdle(this);
  }

  /** Takes a subscription out of the live ones; it keeps its position and nothing else. */
  fallBehind(subscription: Subscription): void {
    if (this.live.remove(subscription)) this.lagging.add(subscription);
  }

  /** Gives a subscription that is behind what it lacks, as far as its connection takes it. */
  catchUp(subscription: Subscription): void {
    while (!subscription.ended && !subscription.reading && !subscription.connection.blocked) {
      if (subscription.position === this.head) {
        this.#goLive(subscription);
        return;
      }
      if (!this.#deps.isFresh()) return;
      const missed = this.#replayBuffer.after(subscription.position);
      if (missed === null) {
        // Ahead of the feed: what it waits for is on its way. Otherwise only the log has what it lacks.
        if (comparePositions(subscription.position, this.head) < 0) void this.#catchUpFromLog(subscription);
        return;
      }
      this.#deliver(subscription, missed);
    }
  }

  /** Gives all who are behind what they lack. */
  catchUpAll(): void {
    for (const subscription of this.lagging) this.catchUp(subscription);
  }

  #onOpen(state: TopicState): void {
    this.#startAt(state.last);
    this.#resolveReady(true);
  }

  #onMessage(message: SentMessage): void {
    this.#fresh.push(message);
    this.#deps.flushSoon(this);
  }

  async #drained(): Promise<void> {
    while (this.live.busy || this.#fresh.length > 0) {
      await (this.#deps.isFresh() ? new Promise(setImmediate) : this.#deps.whenFresh());
    }
  }

  /** Everybody who stands at the head is told that what followed is gone. */
  #onLost(position: Position, last: Position): void {
    const after = this.head;
    // What a log that went back does not contain is gone from there on; else only what lies beyond its end.
    const kept = comparePositions(position, after) < 0 ? position : last;
    this.#startAt(position);
    for (const subscription of this.live.members()) this.#announceLost(subscription, after, position);
    for (const subscription of this.lagging) {
      // Ahead of the feed it may well be, by what it read from the log; beyond the log it waits for what Redis forgot.
      if (comparePositions(subscription.position, kept) <= 0) continue;
      this.#announceLost(subscription, subscription.position, position);
      subscription.position = position;
    }
  }

  #onGone(): void {
    this.#resolveReady(false);
    if (this.#deps.isFresh()) this.flush();
    // What came before the end goes out before it.
    if (!this.live.busy && this.#fresh.length === 0) this.#deps.onGone(this);
    else void this.#drained().then(() => this.#deps.onGone(this));
  }

  #startAt(position: Position): void {
    this.head = position;
    this.#replayBuffer = new ReplayBuffer(position);
    this.live.moveTo(position);
  }

  #serve(deadline: number): boolean {
    if (!this.live.busy) return true;
    const served = this.live.serve(deadline);
    this.#deps.counters.deliveries += served * this.#serving.messages;
    this.#deps.counters.deliveredBytes += served * this.#serving.bytes;
    return !this.live.busy;
  }

  /** Takes what came in as the next to be sent; false when there is nothing. Those who are behind take it from the ring. */
  #beginToServe(): boolean {
    const write = writeOf(this.#fresh, 0, MAX_WRITE_BYTES);
    if (write === null) return false;
    for (const message of this.#fresh.splice(0, write.messages)) this.#replayBuffer.push(message);
    this.head = write.last;
    this.#serving = { messages: write.messages, bytes: write.frames.length };
    this.live.begin(write.frames, write.last);
    this.catchUpAll();
    return true;
  }

  #goLive(subscription: Subscription): void {
    this.lagging.delete(subscription);
    this.live.add(subscription);
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

  async #catchUpFromLog(subscription: Subscription): Promise<void> {
    subscription.reading = true;
    this.#deps.counters.catchUps += 1;
    const after = subscription.position;
    try {
      const page = await this.#reader.after(after);
      if (page === null) this.end();
      // It may have been told meanwhile that it goes on elsewhere.
      else if (subscription.position === after && this.#deps.isFresh()) this.#deliverPage(subscription, page);
    } catch (error) {
      // Redis is away. It stays behind, and `sync` comes.
      this.#deps.onStalled(this, error);
      return;
    } finally {
      subscription.reading = false;
    }
    // The log has nothing for it, so the log is not where this feed believes it to be: asking again would never end.
    if (subscription.position === after && !subscription.connection.blocked && this.#deps.isFresh()) this.sync();
    else this.catchUp(subscription);
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
    let at = this.#replayBuffer.base;
    for (;;) {
      const page = await this.#readPage(at);
      const unknown = page?.entries.find(({ id }) => !this.#replayBuffer.has(id));
      if (unknown !== undefined) return unknown.prev;
      const last = page?.entries.at(-1);
      if (last === undefined) return page === null || comparePositions(at, page.last) <= 0 ? at : page.last;
      at = last.id;
    }
  }

  /** Null when the topic is gone, also when another one has its name by now. */
  async #readPage(after: Position): Promise<FramePage | null> {
    this.#deps.counters.logReads += 1;
    const page = await this.#deps.readLog(this.topic, after);
    if (page?.incarnation !== this.incarnation) return null;
    this.#replayBuffer.prepend(page.entries);
    return page;
  }
}
