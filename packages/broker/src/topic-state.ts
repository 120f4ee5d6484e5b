import { BEGINNING, type Position, comparePositions } from '@holdfast/protocol/position-order';

export interface TopicState {
  history: { size: number; seconds: number };
  /** The position at which the topic was created: older subscriptions were to a topic of the same name that is gone. */
  born: Position;
  /** The last message, or `born`. */
  last: Position;
}

export interface LogEntry {
  id: Position;
  /** The message before this one. */
  prev: Position;
  data: Buffer;
}

/** A piece of a log, with what is needed to judge whether a position can be continued. */
export interface LogPage {
  born: Position;
  last: Position;
  /** The `prev` of the first entry that is kept; null when none is. */
  firstPrev: Position | null;
  /** Whether the position asked for stands in the log. */
  stands: boolean;
  /** What follows the position asked for. */
  entries: LogEntry[];
}

/**
 * Whether nothing can have been missed after `position`: it is the end, or stands in the log, or is what came before
 * the first entry. Anything else (trimmed, flushed, lost in a fail-over) cannot be told from a gap and counts as one.
 */
export function continues(page: Omit<LogPage, 'entries'>, position: Position): boolean {
  return position === page.last || page.stands || position === page.firstPrev;
}

/**
 * Whether everything that followed `after` (everything at all when null, or from the beginning of time) is still there.
 * A position of which the log knows nothing may be one of a log that is gone: then nobody can say so.
 */
export function isComplete(page: Omit<LogPage, 'entries'>, after: Position | null): boolean {
  if (after === null || after === BEGINNING) return (page.firstPrev ?? page.last) === page.born;
  return continues(page, after);
}

/** Whether the log goes on after the page's last entry: the page was full, by entries or by bytes. */
export function goesOn({ last, entries }: { last: Position; entries: readonly { id: Position }[] }): boolean {
  const end = entries.at(-1);
  return end !== undefined && end.id !== last;
}

/** Whether a subscription that began at `begin` is to this topic, and not to a deleted one of the same name. */
export function isCurrent(state: TopicState | null, begin: Position): boolean {
  return state !== null && comparePositions(begin, state.born) >= 0;
}
