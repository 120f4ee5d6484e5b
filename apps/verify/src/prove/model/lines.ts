import { comparePositions, type Position } from '@holdfast/protocol/position-order';
import { type Frame, type HistoryEvent, streamOf } from '../history/events.ts';

/** A message as it came. */
interface Arrival {
  at: number;
  id: Position;
  token: string;
}

/** A time in which a connection followed a stream. */
export interface Segment {
  at: number;
  /** From where on: of the welcome, or of a `subscribed`. */
  start: Position;
  by: 'welcome' | 'subscribed';
  /** What the client resumed from, and the answer to that. */
  stated: Position | null;
  recovered: boolean | undefined;
  /** The ids that came, or that a `lost` passed over, without those before a higher one: where ids go back, several. */
  reached: { at: number; id: Position }[];
  isOver: boolean;
}

/** What one connection saw of one stream. */
export interface Followed {
  arrivals: Arrival[];
  segments: Segment[];
  losses: { at: number; after: Position; position: Position }[];
}

/** One connection, or an attempt at one. */
export interface LineLog {
  line: number;
  client: string;
  edge: number;
  positions: Readonly<Record<string, Position>> | null;
  openingAt: number;
  openedAt: number | null;
  closed: { at: number; code: number; byUs: boolean; status: number | null } | null;
  streams: Map<string, Followed>;
}

/** All connections of a history, in the order in which they were begun. */
export function linesOf(events: readonly HistoryEvent[]): LineLog[] {
  const lines = new Map<number, LineLog>();
  for (const event of events) {
    if (event.kind === 'opening') {
      const { line, client, edge, positions, at } = event;
      lines.set(line, {
        line,
        client,
        edge,
        positions,
        openingAt: at,
        openedAt: null,
        closed: null,
        streams: new Map(),
      });
      continue;
    }
    if (event.kind !== 'opened' && event.kind !== 'frame' && event.kind !== 'closed') continue;
    const log = lines.get(event.line);
    if (log === undefined) throw new Error(`line ${event.line} was never begun`);
    if (event.kind === 'opened') log.openedAt = event.at;
    else if (event.kind === 'closed') log.closed = event;
    else takeFrame(log, event.frame, event.at);
  }
  return [...lines.values()];
}

function takeFrame(log: LineLog, frame: Frame, at: number): void {
  if (frame.type === 'welcome') {
    for (const [topic, { position, recovered }] of Object.entries(frame.topics)) {
      const stated = log.positions?.[topic] ?? null;
      const followed = followedOf(log, topic);
      followed.segments.push({ at, start: position, by: 'welcome', stated, recovered, reached: [], isOver: false });
    }
    return;
  }
  const followed = followedOf(log, frame.topic);
  const open = followed.segments.at(-1);
  const current = open?.isOver === false ? open : undefined;
  switch (frame.type) {
    case 'message':
      followed.arrivals.push({ at, id: frame.id, token: frame.token });
      if (current !== undefined) reach(current, at, frame.id);
      return;
    case 'lost':
      followed.losses.push({ at, after: frame.after, position: frame.position });
      if (current !== undefined) reach(current, at, frame.position);
      return;
    case 'unsubscribed':
      if (current !== undefined) current.isOver = true;
      return;
    case 'subscribed':
      if (current !== undefined) current.isOver = true;
      followed.segments.push({
        at,
        start: frame.position,
        by: 'subscribed',
        stated: null,
        recovered: undefined,
        reached: [],
        isOver: false,
      });
  }
}

function followedOf(log: LineLog, topic: string): Followed {
  const stream = streamOf(log.client, topic);
  const followed = log.streams.get(stream) ?? { arrivals: [], segments: [], losses: [] };
  log.streams.set(stream, followed);
  return followed;
}

function reach(segment: Segment, at: number, id: Position): void {
  segment.reached = [...segment.reached.filter((before) => comparePositions(before.id, id) > 0), { at, id }];
}
