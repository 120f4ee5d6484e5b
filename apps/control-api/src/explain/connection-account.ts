import type { ConnectionEnd, ConnectionStory, LostRange, PastConnection } from '@holdfast/broker/evidence';
import { connectionName } from '@holdfast/broker/client-state';
import type { DisconnectReason } from '@holdfast/protocol/events';
import { HEARTBEAT_MS, RESUME_DEADLINE_MS } from '@holdfast/protocol/limits';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { CLOCK_MARGIN_MS } from './clocks.ts';
import type { Facts, PresentConnection } from './facts.ts';

/** No connection takes longer from its claim to its welcome: a resume is awaited for 5 s, its topics for 5 s more. */
const MAX_OPENING_MS = RESUME_DEADLINE_MS + 5_000;

/** A connection that does not answer is cut after so long. */
const MAX_DOUBTFUL_MS = 3 * HEARTBEAT_MS;

/** One of a client's connections, past or present. */
export interface KnownConnection {
  /** As its welcome named it. */
  name: string;
  /** Null: there is no note of it. */
  edge: string | null;
  /** When its client was claimed for it, by the clock of Redis, in milliseconds since the epoch. */
  from: number;
  /** When it ended, by another clock; null: it is the present one. */
  to: number | null;
  reason: DisconnectReason | null;
  /** Of its first and its last claim. */
  generations: readonly [first: number, last: number];
  /** As of a `ConnectionEnd`. */
  follows: number | null;
  /** Null: its edge did not tell. */
  story: ConnectionStory | null;
  /** As of a `ConnectionEnd`; null: it had no welcome, or it is not known. */
  openedMs: number | null;
  /** What was written for so long before its end, or by now, may not have arrived. */
  doubtfulMs: number;
  /** Whether the message had been written to it, if it was for it. */
  reaches: (message: AskedMessage) => Reach;
}

type Reach = 'yes' | 'no' | 'waits for the socket' | 'not known';

export interface AskedMessage {
  topic: string;
  id: Position;
  /** Where the subscription began that it was for. */
  begin: Position;
  /** Null: the subscription has not ended. */
  ended: { handled: boolean } | null;
}

/** Whether what was written to a connection at a time, by the clock of another machine, may not have arrived. */
export function isDoubtful({ to, doubtfulMs }: KnownConnection, at: number, now: number): boolean {
  return doubtfulMs > 0 && at > (to ?? now) - doubtfulMs - CLOCK_MARGIN_MS;
}

/** What a connection has to do with a message. */
export type Account =
  /** It ended before the message was written to it. */
  | { kind: 'not-reached' }
  /** It has not got to it yet. */
  | { kind: 'behind'; waits: boolean }
  /** The message came while it was open, and was written to it. */
  | { kind: 'written' }
  /** The message came before it, and its client stated what it had: what followed was written. */
  | { kind: 'by-resume' }
  /** The message came before it, and its client stated this position, which is not before the message: it was not written. */
  | { kind: 'stated'; position: Position }
  /** The message came before it, and what its client stated to have is not kept: it was written, or the client had it. */
  | { kind: 'stated-or-written' }
  | { kind: 'lost'; range: LostRange }
  /** The message came before it, and its client did not state what it had: it began at the end of the topic. */
  | { kind: 'passed' }
  /**
   * Why it is not known. `open`: it was open by then, and went on to the message if it lasted; otherwise it may also have
   * begun after it.
   */
  | { kind: 'unclear'; why: string; open: boolean };

export function timeOf(position: Position): number {
  return Number.parseInt(position, 10);
}

/** All connections, in the order in which they were; those of which there is no note are among them, without what they did. */
export function knownConnections({ past, present, last, oneClock }: Facts): KnownConnection[] {
  const generation = presentGeneration(present);
  const known = past.filter((one) => one.generation !== generation).map(pastConnection);
  if (present.kind === 'silent') known.push(silentConnection(present));
  if (present.kind === 'served') known.push(servedConnection(present));
  return withUnnoted(
    known.toSorted((a, b) => a.from - b.from),
    last,
    oneClock ? 0 : CLOCK_MARGIN_MS,
  );
}

/**
 * Each connection names the one before it, and the client the last: one that is named and not known has no note.
 * @param marginMs between times of claims and ids
 */
function withUnnoted(known: readonly KnownConnection[], last: Facts['last'], marginMs: number): KnownConnection[] {
  const isKnown = (generation: number) =>
    known.some(({ generations: [first, latest] }) => first <= generation && generation <= latest);
  const all: KnownConnection[] = [];
  const addUnnoted = (generation: number, to: number) => all.push(unnotedConnections(generation, all.at(-1), to));
  for (const one of known) {
    const { follows, from } = one;
    if (follows === null || (follows > 0 && !isKnown(follows))) addUnnoted(follows ?? 0, from + marginMs);
    all.push(one);
  }
  if (last.generation > 0 && !isKnown(last.generation)) addUnnoted(last.generation, last.endedAt + CLOCK_MARGIN_MS);
  return all;
}

/**
 * One or more, after one that is known.
 * @param generation that of the last of them; 0: not known
 * @param to when that had ended at the latest
 */
function unnotedConnections(generation: number, after: KnownConnection | undefined, to: number): KnownConnection {
  return {
    name: generation === 0 ? 'of which nothing is known' : connectionName(generation),
    edge: null,
    from: after?.from ?? 0,
    to,
    reason: null,
    generations: [generation, generation],
    follows: 0,
    story: null,
    openedMs: null,
    doubtfulMs: 0,
    reaches: ({ id }) => (timeOf(id) > to ? 'no' : 'not known'),
  };
}

function presentGeneration(present: PresentConnection): number {
  if (present.kind === 'none') return 0;
  return present.kind === 'silent' ? present.generation : present.served.generation;
}

function pastConnection({ edge, connection, generation, to, reason, end }: PastConnection): KnownConnection {
  return {
    name: `${edge}-${connection}`,
    edge,
    from: claimTime(connection),
    to,
    reason,
    generations: [firstGeneration(connection), generation],
    follows: end === null ? null : end.follows,
    story: end,
    openedMs: end?.openedMs ?? null,
    doubtfulMs: end?.doubtfulMs ?? 0,
    reaches: (message) => {
      const reach = end === null ? 'not known' : reachOfEnd(end, message);
      return reach === 'not known' && timeOf(message.id) > to + CLOCK_MARGIN_MS ? 'no' : reach;
    },
  };
}

function reachOfEnd(end: ConnectionEnd, { topic, id, ended }: AskedMessage): Reach {
  if (end.openedMs === null) return 'no';
  const isBeyond = (reached: Position | null) => reached === null || comparePositions(reached, id) < 0;
  const nothingKnown = end.reachedCut && end.upTo === null;
  if (topic === INBOX_TOPIC) {
    if (isBeyond(end.inbox)) return 'no';
    return nothingKnown ? 'not known' : 'yes';
  }
  if (Object.hasOwn(end.reached, topic) && ended === null) return isBeyond(end.reached[topic] ?? null) ? 'no' : 'yes';
  if (end.upTo === null) return 'not known';
  if (timeOf(id) <= end.upTo) return 'yes';
  // All that got further are named, but for topics that it had left.
  return end.reachedCut || ended !== null ? 'not known' : 'no';
}

function servedConnection({ edge, served }: Extract<PresentConnection, { kind: 'served' }>): KnownConnection {
  const {
    connection,
    generation,
    follows = null,
    story = null,
    openedMs = null,
    topics,
    inbox,
    waitingBytes = 0,
    doubtfulMs = MAX_DOUBTFUL_MS,
  } = served;
  return {
    name: `${edge}-${connection}`,
    edge,
    from: claimTime(connection),
    to: null,
    reason: null,
    generations: [firstGeneration(connection), generation],
    follows,
    story,
    openedMs,
    doubtfulMs,
    reaches: ({ topic, id, ended }) => {
      const reached = topic === INBOX_TOPIC ? inbox : Object.hasOwn(topics, topic) ? topics[topic] : undefined;
      // The end of a subscription is handled once what it brought has been written.
      if (ended !== null) return ended.handled ? 'yes' : 'no';
      if (reached === undefined || comparePositions(reached, id) < 0) return 'no';
      return waitingBytes > 0 ? 'waits for the socket' : 'yes';
    },
  };
}

function silentConnection({ edge, generation }: Extract<PresentConnection, { kind: 'silent' }>): KnownConnection {
  const connection = connectionName(generation);
  return {
    name: `${edge}-${connection}`,
    edge,
    from: claimTime(connection),
    to: null,
    reason: null,
    generations: [generation, generation],
    follows: null,
    story: null,
    openedMs: null,
    doubtfulMs: 0,
    reaches: () => 'not known',
  };
}

/** The name of a connection is the generation of its first claim: microseconds of the clock of Redis. */
export function claimTime(connection: string): number {
  return Math.floor(firstGeneration(connection) / 1000);
}

function firstGeneration(connection: string): number {
  return Number.parseInt(connection, 36);
}

/** What a connection has to do with a message that was for its client. */
export function accountOf(
  connection: KnownConnection,
  message: AskedMessage,
  { now, oneClock }: Pick<Facts, 'now' | 'oneClock'>,
): Account {
  const { story, from, to, edge } = connection;
  const { topic, id } = message;
  const range = story?.lost.find((lost) => lost.topic === topic && isWithin(id, lost.after, lost.position));
  if (range !== undefined) return { kind: 'lost', range };
  const reach = connection.reaches(message);
  if (reach === 'no' && to !== null) return { kind: 'not-reached' };
  if (story === null) {
    if (reach === 'no') return { kind: 'behind', waits: false };
    const why = reach === 'not known' ? whyNotKnown(connection) : `edge ${edge} does not tell what it began with`;
    // Of one without a note it is not known how long it lasted.
    const open = edge !== null && timeOf(id) > from + MAX_OPENING_MS + CLOCK_MARGIN_MS;
    return { kind: 'unclear', why, open };
  }
  const account = accountOfReached(connection, story, message, { now, oneClock });
  const isOnItsWay = account.kind === 'written' || account.kind === 'by-resume' || account.kind === 'stated-or-written';
  if (!isOnItsWay || reach === 'yes') return account;
  if (reach === 'not known') return { kind: 'unclear', why: whyNotKnown(connection), open: true };
  return { kind: 'behind', waits: reach !== 'no' };
}

/** Of a connection that has come as far as the message, or will: whether it began before it, or with it. */
function accountOfReached(
  { from, to, openedMs }: KnownConnection,
  { resumed, unnamed, stated, lost, cut }: ConnectionStory,
  { topic, id, begin }: AskedMessage,
  { now, oneClock }: Pick<Facts, 'now' | 'oneClock'>,
): Account {
  if (openedMs === null) return unclear('the connection is being opened');
  if (cut && lost.length > 0) return unclear('more lost ranges were announced to it than are kept');
  if (from > (to ?? now) + CLOCK_MARGIN_MS) return unclear('the clock of Redis went back: when it began is not known');
  const at = timeOf(id);
  const margin = oneClock ? 0 : CLOCK_MARGIN_MS;
  // The inbox begins with the claim, topics at the latest with the welcome.
  const openedAt = topic === INBOX_TOPIC ? from : from + openedMs;
  if (at > openedAt + margin || timeOf(begin) >= from + margin) return { kind: 'written' };
  const isNamed = resumed && !unnamed.includes(topic);
  if (isNamed && !(cut && unnamed.length > 0)) {
    const position = stated.find(([name]) => name === topic)?.[1];
    if (position === undefined) return { kind: 'stated-or-written' };
    return comparePositions(position, id) < 0 ? { kind: 'by-resume' } : { kind: 'stated', position };
  }
  if (isNamed) return unclear('its resume left out more topics than are kept');
  if (at < from - margin) return { kind: 'passed' };
  return unclear('the message was published while the connection was being opened');
}

function unclear(why: string): Account {
  return { kind: 'unclear', why, open: false };
}

function whyNotKnown({ edge, to, reason, story }: KnownConnection): string {
  if (edge === null) return 'it was not noted: the process that was to note it died, or Redis lost the note';
  if (to === null) return `edge ${edge} did not answer what it has written to it`;
  if (story === null && reason === 'edge-died') return `edge ${edge} died, and with it what it had written`;
  if (story === null) return `edge ${edge} has not noted what it had written`;
  return 'what was written to it just before its end is not known';
}

export function isWithin(id: Position, after: Position, position: Position): boolean {
  return comparePositions(id, after) > 0 && comparePositions(id, position) <= 0;
}
