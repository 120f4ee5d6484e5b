import type { TopicState } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions } from '@holdfast/protocol/position-order';
import type { Counters } from '../counters.ts';
import { LogCursor, type LogTarget } from './log-cursor.ts';
import type { FramePage } from './log-reader.ts';
import type { MessageTrace, SentMessage } from './replay-buffer.ts';

export interface SequencerDeps {
  readState: () => Promise<TopicState | null>;
  /** A page of this topic's log; null when the topic is gone. */
  readPage: (after: Position) => Promise<FramePage | null>;
  encode: (id: Position, data: Buffer) => Buffer;
  /** The topic's state was read for the first time. */
  onOpen: (state: TopicState) => void;
  /** The message that follows the one before. */
  onMessage: (message: SentMessage) => void;
  /** Whether a message was emitted lately. */
  has: (id: Position) => boolean;
  /** The last of the messages emitted lately that the log still contains, or where the log goes on after the first of them. */
  lastInLog: () => Promise<Position>;
  /** Whether so many messages wait to be sent that more had better stay in the log. */
  isFull: () => boolean;
  /** Resolves when everything emitted has been sent. */
  drained: () => Promise<void>;
  /**
   * What followed the last message is gone from the log, which ended at `last` when it was read. Resolves to what
   * announces that, to be called with the position after which the log goes on.
   */
  prepareLost: (last: Position) => Promise<(position: Position) => void>;
  /** The log has been read to its end. */
  onSynced: () => void;
  /** The topic exists no more. */
  onGone: () => void;
  /** Redis did not answer: `sync()` is to be called later. */
  onReadFailed: (error: unknown) => void;
  counters: Counters;
}

/** Live messages held back while the log is read. Past it they are dropped and the log is read again instead. */
const MAX_HELD = 1000;

interface LiveMessage {
  prev: Position;
  id: Position;
  data: Buffer;
  trace: MessageTrace | undefined;
  except: string | undefined;
}

/**
 * Puts the messages of one topic in sequence. Each message names the one before it, so a gap shows at once, and is filled
 * from the log before anything after it is emitted; what the log no longer has is announced.
 */
export class Sequencer implements LogTarget<SentMessage> {
  state: 'opening' | 'open' | 'gone' = 'opening';
  /** Of this topic; another one may have its name by now. */
  readonly incarnation: string;
  /** When something was last received or compared, in milliseconds of the monotonic clock. */
  freshAt = 0;
  /** Everything that was published before then has been emitted, or will be in turn; in milliseconds of the monotonic clock. */
  completeAt = Number.NEGATIVE_INFINITY;
  /** Since when its live channel is subscribed without a break; in milliseconds of the monotonic clock, infinite while it is not. */
  liveSince = Number.POSITIVE_INFINITY;
  /**
   * The position before the first message that it held back when it ended; null when it held none. Such messages may be of
   * the topic that has its name now.
   */
  heldFrom: Position | null = null;
  /** The last message emitted. */
  position: Position = BEGINNING;
  readonly #deps: SequencerDeps;
  readonly #cursor: LogCursor<SentMessage>;
  #held: LiveMessage[] = [];
  /** When the state with which it opened was asked for; in milliseconds of the monotonic clock. */
  #openedAt = Number.NEGATIVE_INFINITY;
  /** There are messages in the log that it has neither emitted nor held. */
  #isLagging = false;
  #syncing = false;
  #syncAgain = false;

  constructor(incarnation: string, deps: SequencerDeps) {
    this.incarnation = incarnation;
    this.#deps = deps;
    this.#cursor = new LogCursor(this, deps.readPage);
  }

  /** The last message emitted; null until the topic's state is known. */
  get lastReceived(): Position | null {
    return this.state === 'open' ? this.position : null;
  }

  get ready(): boolean {
    return this.state === 'open';
  }

  /** Whether it has emitted all that it knows of. */
  get settled(): boolean {
    return this.state === 'open' && !this.#syncing && this.#held.length === 0;
  }

  /**
   * Whether nothing of this topic is missing but what is held. False also when that is not known: what came while the live
   * channel was not subscribed shows in the log only.
   */
  get complete(): boolean {
    return !this.#isLagging && Math.max(this.completeAt, this.#openedAt) >= this.liveSince;
  }

  /**
   * @param traceparent of a publish that is traced
   * @param except the id of the subscriber that does not get it
   */
  onLive(prev: Position, id: Position, data: Buffer, traceparent?: string, except?: string): void {
    const trace = traceparent === undefined ? undefined : { traceparent, receivedAt: Date.now(), caughtUp: false };
    this.freshAt = performance.now();
    this.#deps.counters.messagesReceived += 1;
    if (this.#syncing || this.state !== 'open') this.#hold({ prev, id, data, trace, except });
    else if (prev === this.position) {
      if (!this.#deps.isFull()) this.#emitLive({ prev, id, data, trace, except });
      // Read page by page, as it is sent.
      else this.#readSoon();
    } else if (comparePositions(id, this.position) > 0 || !this.#deps.has(id)) {
      // Also when its id is not above the last one: Redis may have lost its last writes, and go on from before.
      this.#deps.counters.gapsFound += 1;
      this.#hold({ prev, id, data, trace, except });
      void this.sync();
    }
  }

  /**
   * Compares with the topic's state in Redis: opens, or finds what was missed, also when the subscriber connection is stalled.
   * @param since when the state was asked for
   */
  onState(state: TopicState | null, since = Number.NEGATIVE_INFINITY): void {
    this.freshAt = performance.now();
    if (this.state === 'gone') return;
    if (state?.incarnation !== this.incarnation) this.end();
    else if (this.state === 'opening') this.#openNow(state, since);
    else if (state.last !== this.position) this.#readSoon();
  }

  /** The topic's state in Redis is the known one. @param since when that was asked */
  onUnchanged(since: number): void {
    this.freshAt = performance.now();
    this.completeAt = since;
  }

  end(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    for (const { prev } of this.#held) {
      if (this.heldFrom === null || comparePositions(prev, this.heldFrom) < 0) this.heldFrom = prev;
    }
    this.#held = [];
    this.#deps.onGone();
  }

  /** Reads to the end of the log, and then emits what was received meanwhile. One at a time; never rejects. */
  async sync(): Promise<void> {
    if (this.#syncing) {
      this.#syncAgain = true;
      return;
    }
    this.#syncing = true;
    try {
      do {
        this.#syncAgain = false;
        const since = performance.now();
        if (this.state === 'opening') await this.#open();
        else await this.#readToEnd();
        this.#releaseHeld();
        this.completeAt = since;
      } while (this.#syncAgain && this.state === 'open');
      if (this.state === 'open') this.#isLagging = false;
      this.freshAt = performance.now();
    } catch (error) {
      // Redis is away: nothing is emitted until it is known what is missing.
      this.#deps.onReadFailed(error);
    } finally {
      this.#syncing = false;
    }
    if (this.state === 'open') this.#deps.onSynced();
  }

  /** Goes on after `next`, after the last message that a log which went back still has, or with a message that is held. */
  async onGap(next: Position, page: FramePage): Promise<void> {
    const after = this.position;
    await this.#deps.drained();
    const wentBack = isOnAnotherBranch(page, after);
    let position = wentBack ? await this.#deps.lastInLog() : next;
    const announce = await this.#deps.prepareLost(page.last);
    if (this.state !== 'open') return;
    if (wentBack) {
      // Held messages are of the log as it was before, emitted already, or again in the log that is read next.
      this.#held = [];
      this.#syncAgain = true;
    }
    // What the log does not keep may be held.
    const held = this.#held.find(({ prev }) => comparePositions(prev, after) >= 0);
    const isHeld = held !== undefined && comparePositions(held.id, position) <= 0;
    if (isHeld) position = held.prev;
    this.position = position;
    if (position !== after) announce(position);
    if (!isHeld) return;
    this.#releaseHeld();
    // It did not follow after all: reading again for it would never end.
    if (this.position === position) this.#held = [];
  }

  /** Emits a page of the log. */
  deliver(messages: readonly SentMessage[]): void {
    for (const message of messages) this.#emit(message);
    this.#deps.counters.gapMessagesFilled += messages.length;
  }

  async #open(): Promise<void> {
    const state = await this.#deps.readState();
    if (this.state !== 'opening') return;
    if (state?.incarnation !== this.incarnation) this.end();
    else this.#openAt(state);
  }

  /** The log has what it has not: until that is read, it lacks it. */
  #readSoon(): void {
    this.#isLagging = true;
    void this.sync();
  }

  #openNow(state: TopicState, since: number): void {
    // A read of its own that is under way opens it.
    if (this.#syncing) return;
    this.#openAt(state);
    this.#openedAt = since;
    this.#releaseHeld();
    if (this.#syncAgain) void this.sync();
  }

  #openAt(state: TopicState): void {
    this.position = state.last;
    this.state = 'open';
    this.#deps.onOpen(state);
  }

  async #readToEnd(): Promise<void> {
    let step = await this.#cursor.next();
    while (step === 'more') {
      this.#isLagging = true;
      // Page by page, so that a long gap never stands in memory as a whole.
      await this.#deps.drained();
      step = await this.#cursor.next();
    }
    if (step === 'gone') this.end();
  }

  /** Emits held messages as far as they follow; for the rest the log is to be read again. */
  #releaseHeld(): void {
    const held = this.#held;
    this.#held = [];
    if (this.state !== 'open') return;
    for (const [index, message] of held.entries()) {
      if (comparePositions(message.id, this.position) <= 0) continue;
      if (message.prev !== this.position) {
        this.#held = held.slice(index);
        this.#syncAgain = true;
        return;
      }
      this.#emitLive(message);
    }
  }

  #emitLive({ prev, id, data, trace, except }: LiveMessage): void {
    const message: SentMessage = { id, prev, frame: this.#deps.encode(id, data) };
    if (trace !== undefined) message.trace = trace;
    if (except !== undefined) message.except = except;
    this.#emit(message);
  }

  #emit(message: SentMessage): void {
    this.position = message.id;
    this.#deps.onMessage(message);
  }

  #hold(message: LiveMessage): void {
    if (this.#held.length >= MAX_HELD) {
      this.#held = [];
      this.#isLagging = true;
      this.#syncAgain = true;
    }
    this.#held.push(message);
  }
}

/** Whether a log that does not contain a position has not grown past it, but lost it and gone on from before. */
function isOnAnotherBranch({ firstPrev, last }: FramePage, position: Position): boolean {
  return comparePositions(last, position) < 0 || (firstPrev !== null && comparePositions(firstPrev, position) < 0);
}
