import { z } from 'zod';
import { MAX_CHANNEL_NAME_LENGTH, MAX_USER_ID_LENGTH } from './limits.ts';

/** The channel on which a signed-in user receives, by the user's id. */
const USER_CHANNEL = '#server-to-user-';
/** Has the connections of a signed-in user, for watchlists and for ending them. No client can subscribe to it by name. */
const ONLINE_CHANNEL = '#online-';

const CHANNEL_NAME = /^[A-Za-z0-9_\-=@,.;]+$/;
/** Printable ASCII without blanks, and without what would need escapes in a Redis key or in JSON. */
const USER_ID = /^[\x21\x23-\x5b\x5d-\x7a|~]+$/;

/** The id of a signed-in user. Members of presence channels may have others as well. */
export const userId = z
  .string()
  .regex(USER_ID, 'must be printable ASCII without blanks, quotation marks, backslashes and braces')
  .max(MAX_USER_ID_LENGTH, `must be at most ${MAX_USER_ID_LENGTH} characters`);

export const channelName = z
  .string()
  .max(MAX_CHANNEL_NAME_LENGTH, `must be at most ${MAX_CHANNEL_NAME_LENGTH} characters`)
  .refine(
    (name) => CHANNEL_NAME.test(name) || userId.safeParse(userOfChannel(name)).success,
    `must be of A-Z a-z 0-9 _ - = @ , . ; or "${USER_CHANNEL}" and the id of a user`,
  )
  .describe('The name of a channel');

export interface ChannelKind {
  /** How a client has to be authorized. */
  readonly access: 'public' | 'private' | 'presence' | 'user';
  /** The server relays what it cannot read. */
  readonly encrypted: boolean;
  /** New subscribers get the last event. */
  readonly cache: boolean;
}

const KINDS: readonly (readonly [prefix: string, kind: ChannelKind])[] = [
  ['private-encrypted-cache-', { access: 'private', encrypted: true, cache: true }],
  ['private-encrypted-', { access: 'private', encrypted: true, cache: false }],
  ['private-cache-', { access: 'private', encrypted: false, cache: true }],
  ['private-', { access: 'private', encrypted: false, cache: false }],
  ['presence-cache-', { access: 'presence', encrypted: false, cache: true }],
  ['presence-', { access: 'presence', encrypted: false, cache: false }],
  ['cache-', { access: 'public', encrypted: false, cache: true }],
  [USER_CHANNEL, { access: 'user', encrypted: false, cache: false }],
];
const PUBLIC: ChannelKind = { access: 'public', encrypted: false, cache: false };

/** What a channel is, by its name. */
export function channelKind(channel: string): ChannelKind {
  return KINDS.find(([prefix]) => channel.startsWith(prefix))?.[1] ?? PUBLIC;
}

/** Whether clients may send events on a channel. */
export function takesClientEvents({ access, encrypted }: ChannelKind): boolean {
  return (access === 'private' || access === 'presence') && !encrypted;
}

export function userChannel(id: string): string {
  return `${USER_CHANNEL}${id}`;
}

/** The user whose channel this is; null when it is another channel. */
export function userOfChannel(channel: string): string | null {
  return channel.startsWith(USER_CHANNEL) ? channel.slice(USER_CHANNEL.length) : null;
}

export function onlineChannel(id: string): string {
  return `${ONLINE_CHANNEL}${id}`;
}

/** Whether the subscribers of a channel are counted: one that has members has these in place of a count. */
export function isCounted(channel: string): boolean {
  return channelKind(channel).access !== 'presence' && !channel.startsWith(ONLINE_CHANNEL);
}

/** Begins the name of a topic that is a channel. No topic of the REST API can begin with it. */
const CHANNEL_MARK = '!';

/** A channel of an app as a topic: `!<app id>!<channel>`. It has no brace, so it can stand in a Redis hash tag. */
export function channelTopic(appId: string, channel: string): string {
  return `${CHANNEL_MARK}${appId}${CHANNEL_MARK}${channel}`;
}

/** Whether a topic is a channel. */
export function isChannelTopic(topic: string): boolean {
  return topic.startsWith(CHANNEL_MARK);
}

/** The app and the channel of a topic; null when it is no channel. */
export function channelOfTopic(topic: string): { appId: string; channel: string } | null {
  const end = isChannelTopic(topic) ? topic.indexOf(CHANNEL_MARK, 1) : -1;
  return end < 0 ? null : { appId: topic.slice(1, end), channel: topic.slice(end + 1) };
}

/** The number of an edge and of its connection. Libraries refuse every other form. */
export const SOCKET_ID = /^\d+\.\d+$/;

/** @param edge the id of the edge: 12 hexadecimal digits */
export function socketId(edge: string, connection: number): string {
  return `${Number.parseInt(edge, 16)}.${connection}`;
}
