import type { Position } from '@holdfast/protocol/position-order';

/**
 * What travels on live channels. A message is `<prev> <id> <data>` and so begins with a digit; everything else begins
 * with a word, also a message whose publish is traced: `traced <traceparent> <prev> <id> <data>`, and one that a subscriber
 * does not get: `except <subscriber> <prev> <id> <data>`. The data stays the bytes that were published.
 */
export type LivePayload =
  | {
      kind: 'message';
      prev: Position;
      id: Position;
      data: Buffer;
      traceparent?: string;
      /** The subscriber that does not get it. */
      except?: string;
    }
  | { kind: 'deleted' }
  /** A version of the topic's presence. `data` is for `presenceUpdate`: not every edge needs it. */
  | { kind: 'presence'; version: number; count: number; data: Buffer }
  /** When the topic expires, or its presence, was changed. */
  | { kind: 'settings' }
  /** Has an edge renew its lease now: a drain request waits there. */
  | { kind: 'renew' }
  /** How many subscribers all edges have on a channel. */
  | { kind: 'subscribers'; count: number }
  /** Ends the connections that are on the channel. */
  | { kind: 'terminate' }
  /** Asks nothing of edges: Redis says how many have the topic. */
  | { kind: 'listening' }
  /** Asks every edge on a topic's channel how many subscribers it has. */
  | { kind: 'count'; surveyId: string }
  /** Asks an edge on its own channel what it serves to a client. */
  | { kind: 'served'; surveyId: string; clientId: string }
  /** The loopback probe of an edge. */
  | { kind: 'probe'; nonce: string }
  /** Asks an edge on its own channel to read again which events are wanted. */
  | { kind: 'events' }
  /** From a newer version, perhaps. */
  | { kind: 'foreign' };

export const DELETED = 'deleted';
/** `presence <version> <count> <update>`, as change-presence.lua writes it. */
const PRESENCE = Buffer.from('presence ');
const TRACED = Buffer.from('traced ');
/** `except <subscriber> <prev> <id> <data>`, as publish-to-channel.lua writes it. */
const EXCEPT = Buffer.from('except ');
export const SETTINGS = 'settings';
export const LISTENING = 'listening';
export const EVENTS = 'events';
export const RENEW = 'renew';
export const TERMINATE = 'terminate';
/** `subscribers <count>`, as count-subscribers.lua writes it. */
const SUBSCRIBERS = 'subscribers';
/** As edges of every version send it. */
const PROBE = 'canary';

export const encodeCount = (surveyId: string) => `count ${surveyId}`;
export const encodeServed = (surveyId: string, clientId: string) => `served ${surveyId} ${clientId}`;
export const encodeProbe = (nonce: string) => `${PROBE} ${nonce}`;

const WORDS = [DELETED, SETTINGS, LISTENING, EVENTS, RENEW, TERMINATE] as const;
const COUNT = /^\d{1,15}$/;

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

export function decodeLive(payload: Buffer): LivePayload {
  const first = payload[0] ?? 0;
  if (first >= DIGIT_0 && first <= DIGIT_9) return decodeMessage(payload);
  if (beginsWith(payload, PRESENCE)) return decodePresence(payload);
  if (beginsWith(payload, TRACED)) return decodeTraced(payload);
  if (beginsWith(payload, EXCEPT)) return decodeExcept(payload);
  const [kind, second, third] = payload.toString('latin1').split(' ');
  if (isWord(kind)) return { kind };
  if (kind === SUBSCRIBERS && second && COUNT.test(second)) return { kind, count: Number(second) };
  if (kind === 'count' && second) return { kind: 'count', surveyId: second };
  if (kind === 'served' && second && third) return { kind: 'served', surveyId: second, clientId: third };
  if (kind === PROBE && second) return { kind: 'probe', nonce: second };
  return { kind: 'foreign' };
}

function beginsWith(payload: Buffer, word: Buffer): boolean {
  return payload.subarray(0, word.length).equals(word);
}

function isWord(kind: string | undefined): kind is (typeof WORDS)[number] {
  return WORDS.some((word) => word === kind);
}

function decodeTraced(payload: Buffer): LivePayload {
  const end = payload.indexOf(SPACE, TRACED.length);
  if (end < 0) return { kind: 'foreign' };
  const message = decodeMessage(payload.subarray(end + 1));
  if (message.kind !== 'message') return message;
  return { ...message, traceparent: payload.toString('latin1', TRACED.length, end) };
}

function decodeExcept(payload: Buffer): LivePayload {
  const end = payload.indexOf(SPACE, EXCEPT.length);
  if (end < 0) return { kind: 'foreign' };
  const message = decodeMessage(payload.subarray(end + 1));
  if (message.kind !== 'message') return message;
  return { ...message, except: payload.toString('latin1', EXCEPT.length, end) };
}

function decodeMessage(payload: Buffer): LivePayload {
  const afterPrev = payload.indexOf(SPACE);
  const afterId = payload.indexOf(SPACE, afterPrev + 1);
  if (afterPrev < 0 || afterId < 0) return { kind: 'foreign' };
  return {
    kind: 'message',
    prev: payload.toString('latin1', 0, afterPrev),
    id: payload.toString('latin1', afterPrev + 1, afterId),
    data: payload.subarray(afterId + 1),
  };
}

function decodePresence(payload: Buffer): LivePayload {
  const afterVersion = payload.indexOf(SPACE, PRESENCE.length);
  const afterCount = payload.indexOf(SPACE, afterVersion + 1);
  if (afterVersion < 0 || afterCount < 0) return { kind: 'foreign' };
  const version = Number(payload.toString('latin1', PRESENCE.length, afterVersion));
  const count = Number(payload.toString('latin1', afterVersion + 1, afterCount));
  if (!Number.isSafeInteger(version) || !Number.isSafeInteger(count)) return { kind: 'foreign' };
  return { kind: 'presence', version, count, data: payload.subarray(afterCount + 1) };
}
