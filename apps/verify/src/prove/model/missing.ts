import { comparePositions, type Position } from '@holdfast/protocol/position-order';
import { inboxOf } from '../history/events.ts';
import type { Model } from './model.ts';
import type { Followed, LineLog, Segment } from './lines.ts';
import { type Publication, type Stream, mayHaveEnded } from './publications.ts';
import type { Violation } from './model.ts';

/** What a topic that is deleted takes along: what was published so shortly before, and is not there yet. */
const UNDERWAY_MS = 30_000;

interface Owed {
  id: Position;
  publication: Publication;
}

/** What should have come and did not. */
export function missingViolations(model: Model): Violation[] {
  return [...model.streams.values()].flatMap((stream) => {
    const published = [...stream.byToken.values()].flatMap((publication) => {
      const [id, ...more] = publication.ids;
      const isOwed = publication.outcome === 'ok' && !publication.isForgotten && more.length === 0;
      return isOwed && id !== undefined ? [{ id, publication }] : [];
    });
    return model.lines.flatMap((log) => (log.openedAt === null ? [] : missingOn(model, stream, published, log)));
  });
}

function missingOn(model: Model, stream: Stream, published: readonly Owed[], log: LineLog): Violation[] {
  const followed = log.streams.get(stream.name) ?? { arrivals: [], segments: [], losses: [] };
  const isForeign = stream.name.startsWith('@') && stream.name !== inboxOf(log.client);
  if (isForeign || (log.closed !== null && followed.segments.length === 0)) return [];
  const timeline = model.timelineOf(log.client, stream.name);
  const closedAt = log.closed?.at ?? Infinity;
  const had = new Set(followed.arrivals.map(({ token }) => token));
  return published.flatMap((owed): Violation[] => {
    const { id, publication } = owed;
    const { from, to, token } = publication;
    if (had.has(token) || from > closedAt) return [];
    const falsely = falselyRecovered(model, stream, followed, owed, log);
    if (falsely === undefined && !isRequired(model, stream, followed, owed, log)) return [];
    if (isAnnounced(model, stream, followed, owed)) return [];
    if (falsely !== 'any client' && !timeline.isCertain('in', from, to)) return [];
    const isStalled = followed.arrivals.every((arrival) => comparePositions(arrival.id, id) < 0);
    const kind = falsely === undefined ? (isStalled ? 'deaf' : 'lost') : 'falsely-recovered';
    const text = `${token} (${id}) of ${stream.name} did not come`;
    return [{ kind, text, client: log.client, line: log.line, stream: stream.name, token }];
  });
}

/** Whether a message that the client should have had to come on this connection. */
function isRequired(model: Model, stream: Stream, followed: Followed, owed: Owed, log: LineLog): boolean {
  const { from, to } = owed.publication;
  // Something later came, of what the connection followed at that time.
  if (followed.segments.some((segment) => hasPassed(stream, segment, owed))) return true;
  if (log.closed !== null || mayHaveEnded(stream, from, to + UNDERWAY_MS) || model.endAt === Infinity) return false;
  // It is open to the end, so it has everything from its beginning on.
  if (log.openedAt !== null && log.openedAt <= from) return true;
  const first = followed.segments[0];
  return first?.by === 'welcome' && follows(stream, first, owed);
}

/** Whether the message follows where a connection began. A topic that ended before may have had higher ids: clocks go back. */
function follows(stream: Stream, { at, start }: Segment, { id, publication }: Owed): boolean {
  return comparePositions(id, start) > 0 && !mayHaveEnded(stream, publication.from, at);
}

/** Whether something later came. What came before it was published is not later, whatever its id: Redis may have lost that. */
function hasPassed(stream: Stream, segment: Segment, owed: Owed): boolean {
  const { id, publication } = owed;
  const isPassed = segment.reached.some((one) => one.at >= publication.from && comparePositions(id, one.id) <= 0);
  return isPassed && follows(stream, segment, owed);
}

/** What a resumed connection took upon itself: of a message that anybody was sent, or that its client should have had. */
function falselyRecovered(
  model: Model,
  stream: Stream,
  { segments, arrivals }: Followed,
  { id, publication }: Owed,
  { openingAt, closed }: LineLog,
): 'any client' | 'subscriber' | undefined {
  const [first] = segments;
  if (first?.by !== 'welcome' || first.recovered !== true || first.stated === null) return undefined;
  const { from, to } = publication;
  if (to > openingAt || mayHaveEnded(stream, from, Infinity)) return undefined;
  const isBetween = comparePositions(id, first.stated) > 0 && comparePositions(id, first.start) <= 0;
  if (isBetween) return 'any client';
  // By time, not by id: ids may have been given twice.
  const statedAt = Math.min(...(stream.byId.get(first.stated) ?? []).map((stated) => stated.to));
  if (statedAt >= from) return undefined;
  // One that broke before it got so far may say so.
  const isPassed = arrivals.some(({ token }) => (stream.byToken.get(token)?.from ?? -Infinity) > to);
  return isPassed || (closed === null && model.endAt !== Infinity) ? 'subscriber' : undefined;
}

function isAnnounced(model: Model, stream: Stream, { losses, segments }: Followed, { id, publication }: Owed): boolean {
  const { from, to } = publication;
  const isBetween = (after: Position, position: Position) =>
    comparePositions(id, position) <= 0 && (comparePositions(id, after) > 0 || comparePositions(position, after) < 0);
  const isAnnouncedBy = ({ at, after, position }: Followed['losses'][number]) => {
    if (isBetween(after, position)) return true;
    // One that goes back (Redis has lost its last writes) may concern whatever comes before where it goes on.
    if (comparePositions(position, after) < 0) return to < at;
    // One that goes on after a message that Redis has lost concerns what was published since, also under lower ids.
    return comparePositions(id, position) <= 0 && from < at && isSinceForgotten(model, stream, after, from);
  };
  return (
    losses.some(isAnnouncedBy) ||
    segments.some(({ by, recovered, stated, start }) => {
      return by === 'welcome' && recovered === false && stated !== null && isBetween(stated, start);
    })
  );
}

/** Whether Redis may have lost the message with that id before `from`. */
function isSinceForgotten({ lines }: Model, { name, byId, byToken }: Stream, id: Position, from: number): boolean {
  const unanswered = () =>
    lines.flatMap(({ streams }) => {
      const arrival = streams.get(name)?.arrivals.find((one) => one.id === id);
      return byToken.get(arrival?.token ?? '') ?? [];
    });
  return (byId.get(id) ?? unanswered()).some(({ isForgotten, forgottenAt }) => isForgotten && forgottenAt < from);
}
