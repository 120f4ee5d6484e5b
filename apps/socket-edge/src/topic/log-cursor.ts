import { type LogPage, continues, goesOn } from '@holdfast/broker/topic-state';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';

interface Entry {
  id: Position;
  prev: Position;
}

/** A piece of a log, whatever its entries are decoded to. */
export interface Page<E extends Entry> extends Omit<LogPage, 'entries'> {
  entries: E[];
}

/** What a log is read for: it has a place in the log, and takes what follows. */
export interface LogTarget<E extends Entry> {
  /** The last message that it has; `onGap` and `deliver` move it. */
  readonly position: Position;
  /** Whether it takes anything now. */
  readonly ready: boolean;
  /** What followed `position` is gone: announces that, and goes on after `next` or, when it knows better, elsewhere. */
  onGap(next: Position, page: Page<E>): void | Promise<void>;
  /** Takes messages, as many as it has room for. */
  deliver(entries: readonly E[]): void;
}

export type Step =
  /** The log may go on. */
  | 'more'
  /** The log has been read to its end. */
  | 'end'
  /** The target took no more. */
  | 'stopped'
  /** There is no such log. */
  | 'gone';

/** Brings a target through a log page by page: reads, announces what is missing, delivers, moves on. */
export class LogCursor<E extends Entry> {
  readonly #target: LogTarget<E>;
  readonly #read: (after: Position) => Promise<Page<E> | null>;
  readonly #until: Position | null;

  /** @param until the last message to deliver; null for all */
  constructor(target: LogTarget<E>, read: (after: Position) => Promise<Page<E> | null>, until: Position | null = null) {
    this.#target = target;
    this.#read = read;
    this.#until = until;
  }

  /** The next page. Rejects with what the read rejects with; then nothing has moved. */
  async next(): Promise<Step> {
    const target = this.#target;
    const until = this.#until;
    const after = target.position;
    const page = await this.#read(after);
    if (page === null) return 'gone';
    // It may have been moved while the log was read.
    if (!target.ready || target.position !== after) return 'stopped';
    const due = until === null ? page.entries : page.entries.filter(({ id }) => comparePositions(id, until) <= 0);
    if (!continues(page, after)) {
      const next = due[0]?.prev ?? until ?? page.last;
      await target.onGap(next, page);
      if (!target.ready) return 'stopped';
      if (target.position !== next) return 'more';
    }
    target.deliver(due);
    if (due.length > 0 && target.position !== due.at(-1)?.id) return 'stopped';
    return due.length < page.entries.length || !goesOn(page) ? 'end' : 'more';
  }
}
