import type { PresenceSettings } from '@holdfast/protocol/rest/topics';
import { BEGINNING, type Position } from '@holdfast/protocol/position-order';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { type SubscriptionStart, parseStart, subscriptionStart } from '../clients/state.ts';

export interface TopicState {
  history: { size: number; seconds: number };
  /** The position at which the topic was created. */
  start: Position;
  /** Tells the topic from others of the same name, that were deleted or are to come. */
  incarnation: string;
  /** The last message, or `start`. */
  last: Position;
  /** It expires when for so long nothing was published and no client was connected to it; null: never. */
  expireSeconds: number | null;
  /** Who counts as present on it; null: it has no presence. */
  presence: Required<PresenceSettings> | null;
  /**
   * It has expired: to callers it does not exist, while subscriptions to it hold for when it comes back. Only edges are
   * given such a topic.
   */
  dormant: boolean;
}

/** When a topic expires, and its presence: what edges follow besides its messages. */
export type EdgeSettings = Pick<TopicState, 'expireSeconds' | 'presence'>;

/** The same object for all topics that have nothing of it. */
export const NO_SETTINGS: EdgeSettings = Object.freeze({ expireSeconds: null, presence: null });

/** As compare-topics.lua compares it; '' for nothing. */
export function settingsText({ expireSeconds, presence }: EdgeSettings): string {
  return `${expireSeconds ?? ''}${presence === null ? '' : JSON.stringify(presence)}`;
}

/** A topic that has expired, and does not come back for so long, is forgotten, with the subscriptions to it. */
export const DORMANT_MS = 30 * 24 * 3_600_000;

export interface LogEntry {
  id: Position;
  /** The message before this one. */
  prev: Position;
  data: Buffer;
  /** Of the publish, when that is traced. */
  traceparent?: string;
  /** The subscriber that does not get it. */
  except?: string;
}

/** A piece of a log, with what is needed to judge whether a position can be continued. */
export interface LogPage {
  start: Position;
  incarnation: string;
  last: Position;
  /** The `prev` of the first entry that is kept; null when none is. */
  firstPrev: Position | null;
  /** Whether the log contains the position asked for. */
  contains: boolean;
  /** What follows the position asked for. */
  entries: LogEntry[];
}

/** The position at which a log starts has a random sequence, which is the incarnation of its topic or registration. */
export function incarnationOf(start: Position): string {
  return start.slice(start.indexOf('-') + 1);
}

/**
 * Whether nothing can have been missed after `position`: it is the end, or the log contains it, or it is what came before
 * the first entry. Anything else (trimmed, flushed, lost in a fail-over) may be a gap and counts as one.
 */
export function continues(page: Omit<LogPage, 'entries'>, position: Position): boolean {
  return position === page.last || page.contains || position === page.firstPrev;
}

/** Where a log goes on after a position that it does not continue: before the first message after it that is kept. */
export function goesOnFrom(page: { last: Position; entries: readonly { prev: Position }[] }): Position {
  return page.entries[0]?.prev ?? page.last;
}

/**
 * Whether everything that followed `after` (everything at all when null, or from the beginning of time) is still there.
 * A position of which the log knows nothing may be one of a log that is gone: then the answer is no.
 */
export function isComplete(page: Omit<LogPage, 'entries'>, after: Position | null): boolean {
  if (after === null || after === BEGINNING) return (page.firstPrev ?? page.last) === page.start;
  return continues(page, after);
}

/** Whether the log goes on after the page's last entry: the page was full, by entries or by bytes. */
export function goesOn({ last, entries }: { last: Position; entries: readonly { id: Position }[] }): boolean {
  const end = entries.at(-1);
  return end !== undefined && end.id !== last;
}

/** The start of a subscription to a topic that begins now: behind its last message. */
export function startNow({ last, incarnation }: TopicState): SubscriptionStart {
  return subscriptionStart(last, incarnation);
}

/** Whether a subscription is to this topic, and not to a deleted one of the same name. */
export function isCurrent(state: TopicState | null, start: SubscriptionStart): boolean {
  return state !== null && parseStart(start).incarnation === state.incarnation;
}

/** Some topics could not be read, while others were. */
export class TopicsUnavailable extends RedisUnavailable {
  readonly topics: readonly string[];

  constructor(cause: unknown, topics: readonly string[]) {
    super(cause);
    this.topics = topics;
  }
}
