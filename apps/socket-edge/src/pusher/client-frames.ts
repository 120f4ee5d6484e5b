import { MAX_EVENT_NAME_LENGTH } from '@holdfast/protocol/pusher-limits';
import { rawMember } from './raw-member.ts';

/** What a client may send. */
type ClientFrame =
  | { kind: 'ping' }
  | { kind: 'pong' }
  | SubscribeFrame
  | { kind: 'unsubscribe'; channel: string }
  | SignInFrame
  | ClientEventFrame;

export interface SubscribeFrame {
  kind: 'subscribe';
  channel: string;
  /** Empty for none. */
  auth: string;
  /** As it was signed; null for none. */
  channelData: string | null;
}

export interface SignInFrame {
  kind: 'sign-in';
  auth: string;
  /** As it was signed. */
  userData: string;
}

export interface ClientEventFrame {
  kind: 'client-event';
  event: string;
  channel: string;
  /** The JSON of its data, as it stands in the frame. */
  data: string;
}

export type Decoded = { ok: true; frame: ClientFrame } | { ok: false; why: string };

/** Begins the names of the events that clients send to each other. */
const CLIENT_EVENT = 'client-';
/** Names that the protocol keeps for itself. */
const PROTOCOL_EVENT = /^pusher(_internal)?:/;

/** Reads a text frame of a client. */
export function decodeClientFrame(text: string): Decoded {
  const frame = objectOf(text);
  if (frame === null) return refused('the frame must be a JSON object');
  const { event } = frame;
  if (typeof event !== 'string') return refused('event must be a string');
  if (event.startsWith(CLIENT_EVENT)) return decodeClientEvent(text, event, frame['channel']);
  if (!PROTOCOL_EVENT.test(event)) return refused(`the names of events of clients begin with ${CLIENT_EVENT}`);
  // Some libraries send a string with the JSON in it.
  const data = typeof frame['data'] === 'string' ? objectOf(frame['data']) : asObject(frame['data']);
  return decodeEvent(event, data ?? {});
}

function decodeEvent(event: string, data: Record<string, unknown>): Decoded {
  switch (event) {
    case 'pusher:ping':
      return { ok: true, frame: { kind: 'ping' } };
    case 'pusher:pong':
      return { ok: true, frame: { kind: 'pong' } };
    case 'pusher:subscribe':
      return decodeSubscribe(data);
    case 'pusher:unsubscribe': {
      const { channel } = data;
      if (typeof channel !== 'string') return refused('channel must be a string');
      return { ok: true, frame: { kind: 'unsubscribe', channel } };
    }
    case 'pusher:signin': {
      const { auth, user_data: userData } = data;
      if (typeof auth !== 'string') return refused('auth must be a string');
      if (typeof userData !== 'string') return refused('user_data must be a string');
      return { ok: true, frame: { kind: 'sign-in', auth, userData } };
    }
    default:
      return refused('no such event');
  }
}

/** `null` stands for what is not given: authorizers that pages bring along send it. */
function decodeSubscribe({ channel, auth, channel_data: channelData }: Record<string, unknown>): Decoded {
  if (typeof channel !== 'string') return refused('channel must be a string');
  if (typeof (auth ?? '') !== 'string') return refused('auth must be a string');
  if (typeof (channelData ?? '') !== 'string') return refused('channel_data must be a string');
  return {
    ok: true,
    frame: {
      kind: 'subscribe',
      channel,
      auth: (auth ?? '') as string,
      channelData: (channelData ?? null) as string | null,
    },
  };
}

function decodeClientEvent(text: string, event: string, channel: unknown): Decoded {
  if (event.length > MAX_EVENT_NAME_LENGTH) return refused(`event must be at most ${MAX_EVENT_NAME_LENGTH} characters`);
  if (typeof channel !== 'string') return refused('channel must be a string');
  // Without data a client sends none, and receivers are given null.
  return { ok: true, frame: { kind: 'client-event', event, channel, data: rawMember(text, 'data') ?? 'null' } };
}

function refused(why: string): Decoded {
  return { ok: false, why };
}

/** The object of a JSON text; null when it is none. */
export function objectOf(json: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(json));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
