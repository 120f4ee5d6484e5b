import { type TopicState, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions } from '@holdfast/protocol/position-order';
import type { FramePage } from './log-reader.ts';
import type { SentMessage } from './replay-buffer.ts';
import type { Counters } from '../counters.ts';

/** What a sequencer needs of the world around it, and whom it tells what. */
export interface SequencerDeps {
  readState: () => Promise<TopicState | null>;
  /** A page of this topic's log; null when the topic is gone. */
  readPage: (after: Position) => Promise<FramePage | null>;
  encode: (id: Position, data: Buffer) => Buffer;
  /** It is known where the topic stands. */
  onOpen: (state: TopicState) => void;
  /** The message that follows the one before. */
  onMessage: (message: SentMessage) => void;
  /** Whether a message was given on lately. */
  has: (id: Position) => boolean;
  /** The last of the messages given on lately that the log still contains, or where the log goes on after the first of them. */
  lastInLog: () => Promise<Position>;
  /** Whether so much waits to be handed on that it had better stay in the log. */
  isFull: () => boolean;
  /** Resolves when what it was given has been handed on. */
  drained: () => Promise<void>;
  /** What followed the last message is gone from the log: it goes on from `position`. `last` is the end of the log. */
  onLost: (position: Position, last: Position) => void;
  /** What was missed has been looked up. */
  onSynced: () => void;
  /** The topic exists no more. */
  onGone: () => void;
  /** Redis did not answer: `sync()` is wanted later. */
  onStalled: (error: unknown) => void;
  counters: Counters;
}

/** Live messages held back while the log is read. Past it they are dropped and the log is read again instead. */
const MAX_HELD = 1000;

interface LiveMessage {
  prev: Position;
  id: Position;
  data: Buffer;
}

/**
 * Follows what is said on one topic and gives it on without a gap. Each message names the one before it, so a gap shows
 * at once, and is filled from the log before anything after it is given on; what the log no longer has is announced.
 */
export class Sequencer {
  state: 'opening' | 'open' | 'gone' = 'opening';
  /** Of the topic that is followed; another one may have its name by now. */
  readonly incarnation: string;
  /** When something was last heard or compared, in milliseconds of the monotonic clock. */
  freshAt = 0;
  readonly #deps: SequencerDeps;
  /** The last message given on. */
  #tail: Position = BEGINNING;
  #held: LiveMessage[] = [];
  #syncing = false;
  #syncAgain = false;

  constructor(incarnation: string, world: SequencerDeps) {
    this.incarnation = incarnation;
    this.#deps = world;
  }

  /** The last message given on; null until it is known where the topic stands. */
  get lastReceived(): Position | null {
    return this.state === 'open' ? this.#tail : null;
  }

  onLive(prev: Position, id: Position, data: Buffer): void {
    this.freshAt = performance.now();
    this.#deps.counters.messagesReceived += 1;
    if (this.#syncing || this.state !== 'open') this.#hold({ prev, id, data });
    else if (prev === this.#tail) {
      if (!this.#deps.isFull()) this.#emit({ id, prev, frame: this.#deps.encode(id, data) });
      // Read page by page, as it is handed on.
      else void this.sync();
    } else if (comparePositions(id, this.#tail) > 0 || !this.#deps.has(id)) {
      // Also when its id is not above the last one: Redis may have lost its last writes, and go on from before.
      this.#deps.counters.gapsFound += 1;
      this.#hold({ prev, id, data });
      void this.sync();
    }
  }

  /**
   * Redis says where the topic stands: begins to follow it, or finds that something was missed, also when the
   * subscription is deaf and nothing arrives.
   */
  onState(state: TopicState | null): void {
    this.freshAt = performance.now();
    if (this.state === 'gone') return;
    if (state?.incarnation !== this.incarnation) this.end();
    else if (this.state === 'opening') this.#openNow(state);
    else if (state.last !== this.#tail) void this.sync();
  }

  /** Redis confirms that the topic stands where it is known to. */
  onUnchanged(): void {
    this.freshAt = performance.now();
  }

  end(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.#held = [];
    this.#deps.onGone();
  }

  /** Goes to the end of the log, and then through what was said live meanwhile. One at a time; never rejects. */
  async sync(): Promise<void> {
    if (this.#syncing) {
      this.#syncAgain = true;
      return;
    }
    this.#syncing = true;
    try {
      do {
        this.#syncAgain = false;
        if (this.state === 'opening') await this.#open();
        else await this.#readToEnd();
        this.#releaseHeld();
      } while (this.#syncAgain && this.state === 'open');
      this.freshAt = performance.now();
    } catch (error) {
      // Redis is away: nothing is given on until it is known what is missing.
      this.#deps.onStalled(error);
    } finally {
      this.#syncing = false;
    }
    if (this.state === 'open') this.#deps.onSynced();
  }

  async #open(): Promise<void> {
    const state = await this.#deps.readState();
    if (this.state !== 'opening') return;
    if (state?.incarnation !== this.incarnation) this.end();
    else this.#openAt(state);
  }

  #openNow(state: TopicState): void {
    // A read of its own that is under way opens it.
    if (this.#syncing) return;
    this.#openAt(state);
    this.#releaseHeld();
    if (this.#syncAgain) void this.sync();
  }

  #openAt(state: TopicState): void {
    this.#tail = state.last;
    this.state = 'open';
    this.#deps.onOpen(state);
  }

  async #readToEnd(): Promise<void> {
    for (;;) {
      const tail = this.#tail;
      const page = await this.#deps.readPage(tail);
      if (this.state !== 'open') return;
      if (page === null) {
        this.end();
        return;
      }
      if (!continues(page, tail)) {
        await this.#deps.drained();
        const wentBack = isOnAnotherBranch(page, tail);
        let goesOn = wentBack ? await this.#deps.lastInLog() : goesOnFrom(page);
        if (this.state !== 'open') return;
        // What the log does not keep may have been heard.
        const heard = this.#held.find(({ prev }) => comparePositions(prev, tail) >= 0);
        const isHeard = !wentBack && heard !== undefined && comparePositions(heard.id, goesOn) <= 0;
        if (isHeard) goesOn = heard.prev;
        this.#tail = goesOn;
        if (goesOn !== tail) this.#deps.onLost(goesOn, page.last);
        if (isHeard) this.#releaseHeld();
        // It did not follow after all: asking for it again would never end.
        if (isHeard && this.#tail === goesOn) this.#held = [];
        if (wentBack || isHeard) continue;
      }
      if (page.entries.length === 0) return;
      for (const message of page.entries) this.#emit(message);
      this.#deps.counters.gapMessagesFilled += page.entries.length;
      // Page by page, so that a long gap never stands in memory as a whole.
      await this.#deps.drained();
    }
  }

  /** What was said while the log was read, as far as it follows; the rest asks for another look into the log. */
  #releaseHeld(): void {
    const held = this.#held;
    this.#held = [];
    if (this.state !== 'open') return;
    for (const [index, { prev, id, data }] of held.entries()) {
      if (comparePositions(id, this.#tail) <= 0) continue;
      if (prev !== this.#tail) {
        this.#held = held.slice(index);
        this.#syncAgain = true;
        return;
      }
      this.#emit({ id, prev, frame: this.#deps.encode(id, data) });
    }
  }

  #emit(message: SentMessage): void {
    this.#tail = message.id;
    this.#deps.onMessage(message);
  }

  #hold(message: LiveMessage): void {
    if (this.#held.length >= MAX_HELD) {
      this.#held = [];
      this.#syncAgain = true;
    }
    this.#held.push(message);
  }
}

/** Whether a log that does not contain a position has not grown past it, but lost it and gone on from before. */
function isOnAnotherBranch({ firstPrev, last }: FramePage, position: Position): boolean {
  return comparePositions(last, position) < 0 || (firstPrev !== null && comparePositions(firstPrev, position) < 0);
}
