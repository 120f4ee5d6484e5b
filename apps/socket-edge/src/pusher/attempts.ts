import { MAX_PRESENCE_LIMIT } from '@holdfast/protocol/limits';
import { type ChannelKind, channelOfTopic } from '@holdfast/protocol/pusher-channels';
import type { Position } from '@holdfast/protocol/position-order';
import type { Subscription } from '../topic/subscription.ts';
import { type OpenedChannel, watchersOf } from './channel-opener.ts';
import type { Attempt, PusherConnection } from './connection.ts';
import type { SubscriptionFault } from './faults.ts';
import { subscribedFrame, subscriptionErrorFrame } from './frames.ts';
import type { ChannelMember } from './member.ts';
import type { Members } from './member-views.ts';

/** Names that are longer are not repeated in the answer. */
const MAX_ANSWERED_NAME = 1000;
/**
 * Members are users, and all of them are shown, for there may not be more than an app allows. One whose connection was lost
 * stays for a moment: a client that comes back after a second did not leave.
 */
export const CHANNEL_PRESENCE = {
  by: 'user',
  show: 'members',
  limit: MAX_PRESENCE_LIMIT,
  graceSeconds: 3,
} as const;

/** What the connection is doing there, and what it is sent when it has joined. */
export type ChannelAttempt = Attempt &
  (
    | {
        as: 'subscriber';
        connection: PusherConnection;
        channel: string;
        kind: ChannelKind;
        member: ChannelMember | null;
      }
    /** Its channel was lost: it goes on without a frame. */
    | {
        as: 'again';
        connection: PusherConnection;
        member: ChannelMember | null;
        /** Of the members. */
        shown: Members | null;
        /** What came from this position on it has not; null when nothing did. */
        heldFrom: Position | null;
        /** Later it may lack something; in milliseconds of the monotonic clock. */
        until: number;
      }
    /** Of the channel that has the online connections of a user: its own, or that of a user it watches. */
    | { as: 'watcher'; connection: PusherConnection; onJoined: (channel: OpenedChannel) => void }
  );

export function refuse(connection: PusherConnection, channel: string, fault: SubscriptionFault): void {
  connection.sendFrame(subscriptionErrorFrame(channel.slice(0, MAX_ANSWERED_NAME), fault));
}

/** A subscription that holds is answered like a new one. */
export function answer(subscription: Subscription): void {
  const { topic, subscriber } = subscription;
  const watchers = watchersOf(topic);
  if (watchers === null) subscriber.sendFrame(subscribedFrame(channelOfTopic(topic.name)?.channel ?? ''));
  else watchers.greet(subscription);
}

export function remember(attempt: ChannelAttempt): void {
  const { connection, topic } = attempt;
  connection.opening ??= new Map();
  connection.opening.set(topic, attempt);
}

export function forget(connection: PusherConnection, { topic }: Attempt): void {
  connection.opening?.delete(topic);
  if (connection.opening?.size === 0) connection.opening = null;
}
