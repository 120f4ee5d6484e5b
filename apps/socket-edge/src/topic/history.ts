import { type TopicState, continues, goesOnFrom } from '@holdfast/broker/topic-state';
import { BEGINNING, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import { type FramePage, LogReader } from './log-reader.ts';
import { ReplayBuffer, type SentMessage } from './replay-buffer.ts';

/** Whether a position can be continued, and where it goes on. */
export interface Verdict {
  recovered: boolean;
  position: Position;
}

/** What was published on one topic: the most recent messages in memory, all that are kept in the log. */
export class History {
  readonly #incarnation: TopicState['incarnation'];
  readonly #readLog: (after: Position) => Promise<FramePage | null>;
  readonly #reader: LogReader;
  #replayBuffer = new ReplayBuffer(BEGINNING);

  constructor(incarnation: string, readLog: (after: Position) => Promise<FramePage | null>) {
    this.#incarnation = incarnation;
    this.#readLog = readLog;
    this.#reader = new LogReader((after) => this.read(after));
  }

  /** Forgets the messages in memory; those to come follow `position`. */
  startAt(position: Position): void {
    this.#replayBuffer = new ReplayBuffer(position);
  }

  push(message: SentMessage): void {
    this.#replayBuffer.push(message);
  }

  has(id: Position): boolean {
    return this.#replayBuffer.has(id);
  }

  /** The messages in memory that follow a position; null when only the log may have them. */
  recentAfter(position: Position): SentMessage[] | null {
    return this.#replayBuffer.after(position);
  }

  /** A page of the log. Null when the topic is gone, also when another one has its name by now. */
  async read(after: Position): Promise<FramePage | null> {
    const page = await this.#readLog(after);
    if (page?.incarnation !== this.#incarnation) return null;
    this.#replayBuffer.prepend(page.entries);
    return page;
  }

  /** The same for one of many readers: one read serves them all. */
  readShared(after: Position): Promise<FramePage | null> {
    return this.#reader.after(after);
  }

  /**
   * Whether everything that followed `position` is in the log, and if not, where it goes on; null when the topic is gone.
   * @param startPosition of the subscription: what was published between an earlier position and it is not for the
   *   client, and missing
   */
  async judge(position: Position, startPosition: Position): Promise<Verdict | null> {
    const page = await this.readShared(position);
    if (page === null) return null;
    const isWithin = comparePositions(position, startPosition) >= 0;
    const next = page.entries[0];
    const isBefore = !isWithin && next !== undefined && comparePositions(next.id, startPosition) <= 0;
    if (continues(page, position) && !isBefore) return { recovered: true, position };
    return {
      recovered: false,
      position: next === undefined || isWithin ? goesOnFrom(page) : laterOf(startPosition, next.prev),
    };
  }

  /**
   * Redis has lost its last writes: returns the last message in memory that the log still contains. Subscribers that had
   * what is gone get everything that was published instead.
   */
  async lastInLog(): Promise<Position> {
    let at = this.#replayBuffer.base;
    for (;;) {
      const page = await this.read(at);
      const unknown = page?.entries.find(({ id }) => !this.#replayBuffer.has(id));
      if (unknown !== undefined) return unknown.prev;
      const last = page?.entries.at(-1);
      if (last === undefined) return page === null || comparePositions(at, page.last) <= 0 ? at : page.last;
      at = last.id;
    }
  }
}
