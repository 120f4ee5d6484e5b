import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import type { DesiredTopic, LogEvent, MemberLog } from './log.ts';
import type { TopicTruth, Truth } from './truth.ts';

/** An announcement that messages are gone: those after `after`, up to where it goes on. */
export interface Loss {
  at: number;
  after: Position;
  position: Position;
}

/** A message that was for the client and was not handed out to it. */
export interface Missing {
  message: Truth;
  because: 'lost' | 'falsely-recovered' | 'announced';
}

/** What one topic of a client lacks of what it should have, with why. */
export function requirement(
  { topic, messages }: TopicTruth,
  log: MemberLog,
  events: readonly LogEvent[],
  losses: readonly Loss[],
  had: ReadonlySet<Position>,
): Missing[] {
  if (log.expectation === 'order') return [];
  const story = sessionsOf(topic, events);
  const unregisteredAt = events.find((event) => event.kind === 'ended' && event.code === UNREGISTERED)?.at;
  const missing: Missing[] = [];
  const desiredTopics = log.desiredTopics.filter((desired) => desired.topic === topic);
  const begins = desiredTopics.map((desired) => beginOf(desired, story));
  for (const message of messages) {
    if (had.has(message.id)) continue;
    const isFor = desiredTopics.some(
      (desired, index) => isWithin(desired, message, story) && begins[index]?.(message) === true,
    );
    if (!isFor) continue;
    if (log.expectation === 'each-session' && !story.some((session) => isInside(session, message.id))) continue;
    missing.push({ message, because: reasonOf(message, story, losses, unregisteredAt) });
  }
  return missing;
}

const UNREGISTERED = 4410;

/** One connection, as far as it concerns the topic. */
interface Session {
  at: number;
  endedAt: number;
  /** Where it began with the topic: by its welcome, or by a `subscribed` later. */
  starts: { at: number; position: Position; by: 'welcome' | 'subscribed' }[];
  recovered: boolean | undefined;
  first: Position | null;
  last: Position | null;
}

function sessionsOf(topic: string, events: readonly LogEvent[]): Session[] {
  const sessions: Session[] = [];
  for (const event of events) {
    const session = sessions.at(-1);
    if (event.kind === 'session') {
      if (session !== undefined) session.endedAt = Math.min(session.endedAt, event.at);
      const start = event.topics.get(topic);
      sessions.push({
        at: event.at,
        endedAt: Infinity,
        starts: start === undefined ? [] : [{ at: event.at, position: start.position, by: 'welcome' }],
        recovered: start?.recovered,
        first: null,
        last: null,
      });
    } else if (session === undefined) {
      continue;
    } else if (event.kind === 'subscribed') {
      session.starts.push({ at: event.at, position: event.position, by: 'subscribed' });
    } else if (event.kind === 'message') {
      session.first ??= event.message.id;
      session.last = event.message.id;
    } else if (event.kind === 'ended') {
      session.endedAt = event.at;
    }
  }
  return sessions;
}

/** Whether a message was published while the desired topic stood, and its client was there for it before it ended. */
function isWithin({ askedAt, since, endAskedAt }: DesiredTopic, message: Truth, sessions: readonly Session[]): boolean {
  if (message.answeredAt < askedAt || since === null) return false;
  if (endAskedAt === null) return true;
  return sessions.some(
    (session) => Math.max(session.at, message.answeredAt) + ENDING_MS <= Math.min(session.endedAt, endAskedAt),
  );
}

/**
 * Which of the messages within a desired topic have to arrive. A connected client gets everything published after the 202. One
 * that was not connected, or lost its connection before it heard of the topic, begins where the next welcome says.
 */
function beginOf(desired: DesiredTopic, sessions: readonly Session[]): (message: Truth) => boolean {
  const connected = sessions.find((session) => session.at < desired.askedAt && session.endedAt > desired.askedAt);
  for (const session of sessions) {
    const start = session.starts.find(({ at }) => at > desired.askedAt && at < (desired.endAskedAt ?? Infinity));
    if (start === undefined) continue;
    const follows = (message: Truth) => comparePositions(message.id, start.position) > 0;
    if (session !== connected || start.by === 'welcome') return follows;
    return (message) => follows(message) || isAfterAnswer(desired, message);
  }
  // Nobody ever told it of the topic: then what was said while it stayed connected is missing.
  const stayed = sessions.find(({ endedAt }) => endedAt > (desired.endAskedAt ?? Number.MAX_VALUE));
  return (message) => stayed !== undefined && message.askedAt > stayed.at && isAfterAnswer(desired, message);
}

function isAfterAnswer(desired: DesiredTopic, message: Truth): boolean {
  return desired.since !== null && message.askedAt > desired.since;
}

/** Between where a connection began and what came last on it. */
function isInside({ starts, last }: Session, id: Position): boolean {
  const start = starts[0];
  if (start === undefined || last === null) return false;
  return comparePositions(id, start.position) > 0 && comparePositions(id, last) < 0;
}

function reasonOf(
  message: Truth,
  sessions: readonly Session[],
  losses: readonly Loss[],
  unregisteredAt: number | undefined,
): Missing['because'] {
  // A registration that is gone took along what its client had not seen of a log that is gone.
  if (!message.inLog && unregisteredAt !== undefined && message.askedAt < unregisteredAt) return 'announced';
  if (losses.some((loss) => covers(loss, message))) return 'announced';
  const next = sessions.find(({ last }) => last !== null && comparePositions(last, message.id) > 0);
  const isAtStart = next?.first != null && comparePositions(next.first, message.id) > 0;
  return isAtStart && next?.recovered === true ? 'falsely-recovered' : 'lost';
}

/** What the log no longer has is lost by any announcement after it, wherever the log goes on. */
function covers({ at, after, position }: Loss, { id, inLog, askedAt }: Truth): boolean {
  if (comparePositions(id, after) <= 0) return false;
  return comparePositions(id, position) <= 0 || (!inLog && askedAt < at);
}

/**
 * What was published within this time before a desired topic was ended need not arrive any more, and what was published within
 * it after that may: an edge has a second to follow.
 */
export const ENDING_MS = 1000;

interface Published {
  askedAt: number;
  answeredAt: number;
}

/** Whether a message may have been for a client that desired it. */
export function isAllowed(
  desiredTopics: readonly DesiredTopic[],
  topic: string,
  { askedAt, answeredAt }: Published,
): boolean {
  return desiredTopics.some(
    (desired) =>
      desired.topic === topic &&
      answeredAt >= desired.askedAt &&
      (desired.endedAt === null || askedAt <= desired.endedAt + ENDING_MS),
  );
}
