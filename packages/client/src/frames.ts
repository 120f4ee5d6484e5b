import type { DownFrame } from '@holdfast/protocol/down';
import { POSITION_FORM } from '@holdfast/protocol/position-order';

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
});

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isPosition(value: unknown): boolean {
  return typeof value === 'string' && POSITION_FORM.test(value);
}
