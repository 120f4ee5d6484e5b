import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import type { Page } from './log-cursor.ts';
import type { SentMessage } from './replay-buffer.ts';

/** A page of the log whose entries are encoded already. */
export type FramePage = Page<SentMessage>;

type Waiting = PromiseWithResolvers<FramePage | null>;

/**
 * Reads a topic's log for many readers: what is asked while a read is under way is collected, and the next
 * read, from the oldest position asked for, answers all with a position in its page. So a thousand clients that
 * come back at once cost a read or two, not a thousand.
 */
export class LogReader {
  readonly #read: (after: Position) => Promise<FramePage | null>;
  readonly #waiting = new Map<Position, Waiting>();
  #reading = false;

  constructor(read: (after: Position) => Promise<FramePage | null>) {
    this.#read = read;
  }

  /** The page after a position; null when the topic does not exist. Rejects with what the read rejects with. */
  after(position: Position): Promise<FramePage | null> {
    let waiting = this.#waiting.get(position);
    if (waiting === undefined) {
      waiting = Promise.withResolvers<FramePage | null>();
      this.#waiting.set(position, waiting);
    }
    if (!this.#reading) void this.#readAll();
    return waiting.promise;
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    // One turn of the event loop, so that all reads of this tick are served together.
    await new Promise(setImmediate);
    for (let oldest = this.#oldest(); oldest !== null; oldest = this.#oldest()) {
      try {
        this.#serve(oldest, await this.#read(oldest));
      } catch (error) {
        this.#refuse(error);
      }
    }
    this.#reading = false;
  }

  #oldest(): Position | null {
    let oldest: Position | null = null;
    for (const position of this.#waiting.keys()) {
      if (oldest === null || comparePositions(position, oldest) < 0) oldest = position;
    }
    return oldest;
  }

  #serve(oldest: Position, page: FramePage | null): void {
    this.#take(oldest)?.resolve(page);
    for (const [index, entry] of page?.entries.entries() ?? []) {
      const waiting = this.#take(entry.id);
      if (waiting && page) waiting.resolve({ ...page, contains: true, entries: page.entries.slice(index + 1) });
    }
  }

  #take(position: Position): Waiting | undefined {
    const waiting = this.#waiting.get(position);
    this.#waiting.delete(position);
    return waiting;
  }

  #refuse(error: unknown): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error);
  }
}
