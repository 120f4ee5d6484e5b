import { textFrame } from '../transport/frames.ts';
import type { Fault, SubscriptionFault } from './faults.ts';

/** Seconds without a frame after which a client sends `pusher:ping`; the longest that pusher-js takes. */
const ACTIVITY_TIMEOUT_SECONDS = 120;

/**
 * The data of what the server sends is the text of a JSON value in a JSON string: clients in languages with types take no
 * other form.
 */
function frameText(event: string, channel: string | null, data?: string): string {
  const to = channel === null ? '' : `,"channel":${JSON.stringify(channel)}`;
  return `{"event":"${event}"${to}${data === undefined ? '' : `,"data":${JSON.stringify(data)}`}}`;
}

export function establishedFrame(socketId: string): Buffer {
  const data = JSON.stringify({ socket_id: socketId, activity_timeout: ACTIVITY_TIMEOUT_SECONDS });
  return textFrame(frameText('pusher:connection_established', null, data));
}

export const PONG_FRAME = textFrame(frameText('pusher:pong', null, '{}'));

/** Its data is an object, as in the documentation. */
export function errorFrame({ code, message }: Fault): Buffer {
  return textFrame(JSON.stringify({ event: 'pusher:error', data: { code, message } }));
}

/** Its data is an object, as clients have it from Soketi. */
export function subscriptionErrorFrame(channel: string, fault: SubscriptionFault): Buffer {
  return textFrame(JSON.stringify({ event: 'pusher:subscription_error', channel, data: fault }));
}

/** @param data JSON; of a presence channel its members */
export function subscribedFrame(channel: string, data = '{}'): Buffer {
  return textFrame(frameText('pusher_internal:subscription_succeeded', channel, data));
}

export function cacheMissFrame(channel: string): Buffer {
  return textFrame(frameText('pusher:cache_miss', channel));
}

export function subscriptionCountFrame(channel: string, count: number): Buffer {
  return textFrame(
    frameText('pusher_internal:subscription_count', channel, JSON.stringify({ subscription_count: count })),
  );
}

/** @param member JSON with `user_id` and `user_info` */
export function memberAddedText(channel: string, member: string): string {
  return frameText('pusher_internal:member_added', channel, member);
}

/** @param userId JSON: a string or a number */
export function memberRemovedText(channel: string, userId: string): string {
  return frameText('pusher_internal:member_removed', channel, `{"user_id":${userId}}`);
}

/** @param userData as it was signed */
export function signedInFrame(userData: string): Buffer {
  return textFrame(frameText('pusher:signin_success', null, JSON.stringify({ user_data: userData })));
}

export interface WatchlistEvent {
  name: 'online' | 'offline';
  user_ids: readonly string[];
}

export function watchlistFrame(events: readonly WatchlistEvent[]): Buffer {
  return textFrame(frameText('pusher_internal:watchlist_events', null, JSON.stringify({ events })));
}

/**
 * An event of a client, as it is published.
 * @param data the JSON of it as the client sent it
 * @param userId JSON, of a member; null on a channel without members
 */
export function clientEventText(event: string, channel: string, data: string, userId: string | null): string {
  const by = userId === null ? '' : `,"user_id":${userId}`;
  return `{"event":${JSON.stringify(event)},"channel":${JSON.stringify(channel)},"data":${data}${by}}`;
}
