import type { EdgePresence } from '@holdfast/broker/broker';
import type { PresenceOutcome } from '@holdfast/broker/presence-state';
import { PRESENCE_EVERY_MS } from '@holdfast/protocol/limits';
import type { Batch, Members } from './members.ts';

/** Members in one call: Redis does nothing else meanwhile. */
const MAX_CHANGES = 1000;
/** Between two calls when more has to be written than fits into one. */
const NEXT_MS = 20;

type WriterBroker = Pick<EdgePresence, 'notePresence' | 'changePresence' | 'setPresence' | 'flushPresence'>;

export interface WriterDeps {
  topic: string;
  edge: string;
  broker: WriterBroker;
  members: Members;
  /** Above all that it gave before: one counter for all topics, so that no two states of Redis have the same sequence. */
  nextSequence: () => number;
}

/** Brings what Redis has of the members of one topic at this edge to the truth, one call at a time. */
export class Writer {
  readonly #deps: WriterDeps;
  /** That of the last call that Redis has taken; 0 when it has no members of this edge. */
  #sequence = 0;
  /** That of the first attempt since then whose outcome is not known; null when there is none. */
  #first: number | null = null;
  #isListed = false;
  #isWrong = false;
  /** The topic has no presence in Redis: nothing is written before that is found to have changed. */
  isOff = false;
  /** A call is under way. */
  isBusy = false;
  /** Calls so far. */
  calls = 0;
  /** When the last call was begun, in milliseconds of the monotonic clock. */
  calledAt = Number.NEGATIVE_INFINITY;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** The topic is not in the list of those in which the edge has members any more. Returns whether it was. */
  forget(): boolean {
    const wasListed = this.#isListed;
    this.#isListed = false;
    return wasListed;
  }

  /** Redis has something else than what was written: all of it is written anew. */
  rewrite(): void {
    this.#isWrong = true;
    this.isOff = false;
  }

  /**
   * Makes the call that is due. Returns after how many milliseconds the next one is, null for none. Rejects when Redis
   * does not answer; then the same is due again.
   */
  async write(): Promise<number | null> {
    if (this.isOff) return null;
    const { topic, edge, broker, members } = this.#deps;
    this.isBusy = true;
    this.calls += 1;
    this.calledAt = performance.now();
    try {
      if (!this.#isListed && (members.hasChanges || this.#isWrong)) {
        // Before the first member: what is not in the list stays when the edge dies.
        await broker.notePresence(edge, [topic]);
        this.#isListed = true;
      }
      if (this.#isWrong) return await this.#writeAll();
      if (!members.hasChanges) return this.#next(await broker.flushPresence(topic));
      return await this.#writeChanges();
    } finally {
      this.isBusy = false;
    }
  }

  async #writeChanges(): Promise<number | null> {
    const { topic, edge, broker, members } = this.#deps;
    const sequence = this.#attempt();
    const [confirmed, first] = [this.#sequence, this.#first ?? sequence];
    const batch = members.take(MAX_CHANGES);
    const change = { sequence, confirmed, first, joined: batch.joined, left: batch.left };
    return this.#finish(batch, sequence, () => broker.changePresence(topic, edge, change));
  }

  async #writeAll(): Promise<number | null> {
    const { topic, edge, broker, members } = this.#deps;
    const sequence = this.#attempt();
    const batch = members.takeAll();
    this.#isWrong = false;
    try {
      return await this.#finish(batch, sequence, () =>
        broker.setPresence(topic, edge, { sequence, members: batch.joined }),
      );
    } catch (error) {
      this.#isWrong = true;
      throw error;
    }
  }

  #attempt(): number {
    const sequence = this.#deps.nextSequence();
    this.#first ??= sequence;
    return sequence;
  }

  async #finish(batch: Batch, sequence: number, call: () => Promise<PresenceOutcome>): Promise<number | null> {
    const { members } = this.#deps;
    let isWritten = false;
    try {
      const outcome = await call();
      isWritten = outcome.kind === 'changed';
      if (isWritten) {
        members.written(batch);
        this.#sequence = members.stored === 0 ? 0 : sequence;
        this.#first = null;
      }
      return this.#next(outcome);
    } finally {
      if (!isWritten) members.failed(batch);
    }
  }

  #next(outcome: PresenceOutcome): number | null {
    if (outcome.kind === 'off') {
      this.isOff = true;
      return null;
    }
    if (outcome.kind === 'out-of-sequence') {
      this.#isWrong = true;
      return NEXT_MS;
    }
    return outcome.waitMs;
  }

  /** How long after a change it is written, so that those of a moment go together, and at most four calls a second. */
  delayMs(now: number): number {
    return Math.max(NEXT_MS, this.calledAt + PRESENCE_EVERY_MS - now);
  }
}
