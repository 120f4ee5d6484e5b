import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import { connectionName } from '../clients/state.ts';

/** Messages of a topic that were announced to a connection as lost: those after `after`, up to `position`. */
export interface LostRange {
  /** As in frames: `@me`, `@user`, or its name. */
  topic: string;
  after: Position;
  position: Position;
  /** When, by the clock of the edge. */
  at?: number;
}

/** What a connection began with, and what was announced to it as lost: kept by its edge while it lives. */
export interface ConnectionStory {
  /** It went on from positions that the client stated. */
  resumed: boolean;
  /** Topics that a resume did not name. */
  unnamed: readonly string[];
  /** What its resume stated that the client had, of some topics; of others that it named it is not kept. */
  stated: readonly (readonly [topic: string, position: Position])[];
  lost: readonly LostRange[];
  /** There was more in one of the lists than is kept. */
  cut: boolean;
}

/** What the edge of a connection knows of it when it ends. */
export interface ConnectionEnd extends ConnectionStory {
  /**
   * What was published so many milliseconds after its claim, or later, came while it was open; also a little before, where
   * its topics had been quiet. Null: it never had a welcome.
   */
  openedMs: number | null;
  /** Where its subscriptions had got to, by topic: those that got beyond `upTo`, or were behind. */
  reached: Readonly<Record<string, Position>>;
  /** There were more of them than are kept, or it is not known what was written. */
  reachedCut: boolean;
  /** What was published on its topics until then was written to its socket, in milliseconds since the epoch; null: not known. */
  upTo: number | null;
  /** The last message of `@me` that it was given; null: there never was one. */
  inbox: Position | null;
  /** What was written for so long before its end may not have arrived, in milliseconds: the client has not answered since. */
  doubtfulMs: number;
  /** Generation of the client's connection before it; 0: there was none; null: not known. */
  follows: number | null;
}

/** A note that would be longer, by long names of topics, tells no more than what other processes can. */
const MAX_NOTE_BYTES = 2048;

/** A connection of a client that has ended. */
export interface PastConnection {
  /** Of its last claim. */
  generation: number;
  edge: string;
  /** Unique beside the edge's id. */
  connection: string;
  /** Of the registration of its client; undefined: it was noted by another process. */
  incarnation?: string;
  /** When it was found to have ended, in milliseconds since the epoch. */
  to: number;
  reason: DisconnectReason;
  /** Null: it was noted by another process, which does not know what was written to it. */
  end: ConnectionEnd | null;
}

/** A subscription of a client that has ended. */
export interface EndedSubscription {
  /** As it is kept: `@user:…` for that of a user. */
  topic: string;
  /** Of the topic. */
  incarnation: string;
  /** What was published after `begin`, up to `end`, was for the client. */
  begin: Position;
  end: Position;
  /** Milliseconds since the epoch, by the clock of Redis. */
  at: number;
  /** Counts those of the client. */
  number: number;
  /** When the one before it ended; 0: there was none. */
  previousAt: number;
}

/** A note in Redis: one letter each, and only what there is, because a million clients may have sixteen. */
interface Note {
  /** Generation; first, as note-past.lua finds it by that. */
  g: number;
  /** 1: by its own edge; second, as note-past.lua looks at that. */
  w?: 1;
  e: string;
  /** Name of the connection, when it is not that of the generation. */
  c?: string;
  /** Of the registration. */
  z?: string;
  t: number;
  r: DisconnectReason;
  o?: number;
  u?: number;
  i?: Position;
  d?: number;
  p?: Record<string, Position>;
  /** The generation that it followed. */
  b?: number;
  /** 1: more was reached than is kept. */
  m?: 1;
  /** 1: it resumed. */
  s?: 1;
  n?: readonly string[];
  q?: readonly (readonly [topic: string, position: Position])[];
  l?: [topic: string, after: Position, position: Position, at?: number][];
  k?: 1;
}

/** The note, the beginning of every note of the same connection, and that of one by its own edge. */
export function encodePast(past: PastConnection): [note: string, beginning: string, byOwnEdge: string] {
  const { generation, edge, connection, incarnation, to, reason, end } = past;
  const note: Note = {
    g: generation,
    ...(end && { w: 1 }),
    e: edge,
    ...(connection === connectionName(generation) ? {} : { c: connection }),
    ...(incarnation !== undefined && { z: incarnation }),
    t: to,
    r: reason,
    ...(end && encodeEnd(end)),
  };
  const text = JSON.stringify(note);
  if (end !== null && Buffer.byteLength(text) > MAX_NOTE_BYTES) return encodePast({ ...past, end: null });
  const beginning = `{"g":${generation},`;
  return [text, beginning, `${beginning}"w":1,`];
}

function encodeEnd(end: ConnectionEnd): Partial<Note> {
  return {
    ...(end.openedMs !== null && { o: end.openedMs }),
    ...(end.upTo !== null && { u: end.upTo }),
    ...(end.inbox !== null && { i: end.inbox }),
    ...(end.doubtfulMs > 0 && { d: end.doubtfulMs }),
    ...(Object.keys(end.reached).length > 0 && { p: end.reached }),
    ...(end.reachedCut && { m: 1 }),
    ...(end.resumed && { s: 1 }),
    ...(end.unnamed.length > 0 && { n: end.unnamed }),
    ...(end.stated.length > 0 && { q: end.stated }),
    ...(end.lost.length > 0 && { l: end.lost.map(encodeLost) }),
    ...(end.cut && { k: 1 }),
    ...(end.follows !== null && { b: end.follows }),
  };
}

/** Null for what is no note, or one of another version. */
export function decodePast(text: string): PastConnection | null {
  const note = parsed(text) as Note | null;
  if (note === null || typeof note.g !== 'number' || typeof note.t !== 'number') return null;
  return {
    generation: note.g,
    edge: note.e,
    connection: note.c ?? connectionName(note.g),
    ...(note.z !== undefined && { incarnation: note.z }),
    to: note.t,
    reason: note.r,
    end: note.w === 1 ? decodeEnd(note) : null,
  };
}

function encodeLost({ topic, after, position, at }: LostRange): [string, Position, Position, number?] {
  return at === undefined ? [topic, after, position] : [topic, after, position, at];
}

function decodeEnd(note: Note): ConnectionEnd {
  return {
    openedMs: note.o ?? null,
    upTo: note.u ?? null,
    inbox: note.i ?? null,
    doubtfulMs: note.d ?? 0,
    follows: note.b ?? null,
    reached: note.p ?? {},
    reachedCut: note.m === 1,
    resumed: note.s === 1,
    unnamed: note.n ?? [],
    stated: note.q ?? [],
    lost: (note.l ?? []).map(([topic, after, position, at]) => ({
      topic,
      after,
      position,
      ...(at !== undefined && { at }),
    })),
    cut: note.k === 1,
  };
}

export function encodeLeft({ topic, incarnation, begin, end, at, number, previousAt }: EndedSubscription): string {
  return JSON.stringify([topic, incarnation, begin, end, at, number, previousAt]);
}

export function decodeLeft(text: string): EndedSubscription | null {
  const note = parsed(text) as [string, string, Position, Position, number, number?, number?] | null;
  if (!Array.isArray(note)) return null;
  const [topic, incarnation, begin, end, at, number = 0, previousAt = 0] = note;
  return { topic, incarnation, begin, end, at, number, previousAt };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
