import type { DownFrame } from '@holdfast/protocol/down';
import { MAX_CLIENT_FRAME_BYTES, MAX_RESUME_POSITIONS } from '@holdfast/protocol/limits';
import type { Resume } from '@holdfast/protocol/up';
import { POSITION_FORM } from '@holdfast/protocol/position-order';
import type { Positions } from './position-book.ts';

export type DecodedDown =
  { ok: true; frame: DownFrame } | { ok: false; why: 'malformed' } | { ok: false; why: 'unknown-type' };

const MALFORMED = { ok: false, why: 'malformed' } as const;
const UNKNOWN_TYPE = { ok: false, why: 'unknown-type' } as const;

/**
 * Decodes a frame from an edge: exactly what the SDK relies on is looked at, by hand, because the schemas would triple
 * the size of a page's bundle. Never throws. A type that is not known comes from a newer edge and can be skipped.
 */
export function decodeDownFrame(data: unknown): DecodedDown {
  if (typeof data !== 'string') return MALFORMED;
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return MALFORMED;
  }
  if (!isRecord(frame) || typeof frame['type'] !== 'string') return MALFORMED;
  const fits = forms[frame['type'] as DownFrame['type']];
  if (fits === undefined) return UNKNOWN_TYPE;
  return fits(frame) ? { ok: true, frame: frame as unknown as DownFrame } : MALFORMED;
}

type Fields = Record<string, unknown>;

// Without a prototype: a frame of type "constructor" is of an unknown type.
const forms: Partial<Record<DownFrame['type'], (frame: Fields) => boolean>> = Object.assign(Object.create(null), {
  welcome: ({ heartbeatMs, topics }: Fields) =>
    typeof heartbeatMs === 'number' &&
    isRecord(topics) &&
    Object.values(topics).every((topic) => isRecord(topic) && isPosition(topic['position'])),
  message: ({ topic, id, data }: Fields) => isText(topic) && isPosition(id) && data !== undefined,
  subscribed: ({ topic, position }: Fields) => isText(topic) && isPosition(position),
  unsubscribed: ({ topic }: Fields) => isText(topic),
  lost: ({ topic, after, position }: Fields) => isText(topic) && isPosition(after) && isPosition(position),
  pong: () => true,
  expiring: ({ inMs }: Fields) => typeof inMs === 'number',
  presence: ({ topic, version, count, members = [], joined = [], left = [] }: Fields) =>
    isText(topic) &&
    typeof version === 'number' &&
    typeof count === 'number' &&
    isListOf(members, isMember) &&
    isListOf(joined, isMember) &&
    isListOf(left, isText),
});

function isListOf(value: unknown, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

function isMember(value: unknown): boolean {
  return isRecord(value) && isText(value['id']);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isPosition(value: unknown): boolean {
  return typeof value === 'string' && POSITION_FORM.test(value);
}

/** The inbox of a client, and the topic of its user, begin with it. */
const RESERVED_PREFIX = '@';
/** What a frame of each kind has besides its positions. The longer of the two, for all. */
const ENVELOPE_BYTES = '{"type":"resume","positions":{},"more":true}'.length;
const utf8 = new TextEncoder();

/**
 * The frames that ask for what was missed: the inbox and the user's topic first, as many frames as the positions need. Never
 * more positions than an edge takes, which are more than a client can have topics: an edge closes for good what asks
 * for more, while a topic that is left out only comes back as not recovered, and is reported as lost.
 */
export function resumeFrames(positions: Positions): Resume[] {
  const entries = Object.entries(positions);
  const reserved = entries.filter(([topic]) => topic.startsWith(RESERVED_PREFIX));
  const reservedFirst = [...reserved, ...entries.filter(([topic]) => !topic.startsWith(RESERVED_PREFIX))];
  const chunks: [string, string][][] = [];
  let room = 0;
  for (const entry of reservedFirst.slice(0, MAX_RESUME_POSITIONS)) {
    const bytes = utf8.encode(`${JSON.stringify(entry[0])}:"${entry[1]}",`).byteLength;
    if (chunks.length === 0 || bytes > room) {
      chunks.push([]);
      room = MAX_CLIENT_FRAME_BYTES - ENVELOPE_BYTES;
    }
    chunks.at(-1)?.push(entry);
    room -= bytes;
  }
  if (chunks.length === 0) chunks.push([]);
  return chunks.map((chunk, index) => ({
    type: 'resume',
    positions: Object.fromEntries(chunk),
    ...(index < chunks.length - 1 && { more: true }),
  }));
}
