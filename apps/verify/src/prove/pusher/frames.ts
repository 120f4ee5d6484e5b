import { channelSignature } from '@holdfast/pusher/signatures';
import type { App } from './app.ts';

/** A frame of the Pusher Channels protocol. */
export interface Frame {
  event: string;
  channel?: string;
  /** JSON as a string, or the value itself. */
  data?: unknown;
}

/** Null: it is none. */
export function readFrame(text: string): Frame | null {
  const frame = parsed(text);
  return isRecord(frame) && typeof frame['event'] === 'string' ? (frame as unknown as Frame) : null;
}

/** The `data` of a frame as an object: servers send it as a string mostly, and as an object now and then. */
export function dataOf({ data }: Frame): Record<string, unknown> {
  const value = typeof data === 'string' ? parsed(data) : data;
  return isRecord(value) ? value : {};
}

/** The code of a `pusher:error`. */
export function errorCode(frame: Frame): number {
  const { code } = dataOf(frame);
  return typeof code === 'number' ? code : Number.NaN;
}

/** Subscribes as pusher-js does once the application has signed it. `user`: who is present there, on presence channels. */
export function subscribeFrame(app: App, socketId: string, channel: string, user: string): string {
  const data = channel.startsWith('presence-') ? JSON.stringify({ user_id: user, user_info: {} }) : undefined;
  const isOpen = !/^(private|presence)-/.test(channel);
  const auth = isOpen ? '' : `${app.key}:${channelSignature(app.secret, socketId, channel, data)}`;
  return JSON.stringify({
    event: 'pusher:subscribe',
    data: { auth, ...(data !== undefined && { channel_data: data }), channel },
  });
}

/** `undefined` for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
