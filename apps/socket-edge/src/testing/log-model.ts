import {
  type EdgeSettings,
  type LogEntry,
  type LogPage,
  NO_SETTINGS,
  type TopicState,
} from '@holdfast/broker/topic-state';
import { DEFAULT_HISTORY, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';

/** What read-log.lua counts for each entry besides its data. */
const ENTRY_BYTES = 64;

/** A topic and its log as Redis keeps them: ids that rise, each entry naming the one before it, the oldest trimmed. */
export class LogModel {
  readonly start: Position;
  readonly incarnation: string;
  last: Position;
  entries: LogEntry[] = [];
  readonly history = { ...DEFAULT_HISTORY } as { size: number; seconds: number };
  settings: EdgeSettings = NO_SETTINGS;
  /** It has expired. */
  dormant = false;
  #clock: number;
  #sequence = 0;

  constructor(startsAt: number, incarnation = '0') {
    this.#clock = startsAt;
    this.incarnation = incarnation;
    this.start = `${startsAt}-${incarnation}`;
    this.last = this.start;
  }

  /** @param except the id of the subscriber that does not get it */
  append(data: Buffer, except?: string): LogEntry {
    this.#clock += 1;
    const entry: LogEntry = { id: `${this.#clock}-${this.#sequence}`, prev: this.last, data };
    if (except !== undefined) entry.except = except;
    this.entries.push(entry);
    if (this.entries.length > this.history.size) this.entries.shift();
    this.last = entry.id;
    return entry;
  }

  /** Nothing of it is left but where it ended. */
  expire(): void {
    this.entries = [];
    this.settings = NO_SETTINGS;
    this.dormant = true;
  }

  /** Keeps the newest entries only. */
  trim(keep: number): void {
    this.entries = keep === 0 ? [] : this.entries.slice(-keep);
  }

  /** Forgets the newest messages, as a replica does that lagged when it became the master. */
  forget(count: number): void {
    const dropped = this.entries.splice(this.entries.length - count, count);
    this.last = dropped[0]?.prev ?? this.last;
  }

  /** The same, with the clock as it was then: what follows has other ids, and not above those that are gone. */
  rollBack(count: number): void {
    this.forget(count);
    this.#clock -= count;
    this.#sequence += 1;
  }

  state(): TopicState {
    const { history, start, incarnation, last, settings, dormant } = this;
    return { history, start, incarnation, last, ...settings, dormant };
  }

  page(after: Position | null, limit: number): LogPage {
    const { start, incarnation, last, entries } = this;
    return {
      start,
      incarnation,
      last,
      firstPrev: entries[0]?.prev ?? null,
      contains: entries.some(({ id }) => id === after),
      entries: bounded(entries.filter(({ id }) => after === null || comparePositions(id, after) > 0).slice(0, limit)),
    };
  }
}

/** As many as a page has bytes for, and one at least. */
function bounded(entries: readonly LogEntry[]): LogEntry[] {
  let bytes = 0;
  const end = entries.findIndex(
    ({ data }, index) => (bytes += data.length + ENTRY_BYTES) > MAX_PAGE_BYTES && index > 0,
  );
  return end === -1 ? [...entries] : entries.slice(0, end);
}
