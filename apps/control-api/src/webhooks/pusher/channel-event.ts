import type { EventOfChannel } from '@holdfast/broker/broker';
import { type StoredEvent, timeOf } from '@holdfast/broker/stored-event';
import { channelOfTopic } from '@holdfast/protocol/pusher-channels';
import type { PusherEventName } from '@holdfast/protocol/pusher-webhooks';

/** Begins the channels that are no application's: those of signed-in users, which are made by signing in. */
const OWN_CHANNELS = '#';

/** As what events are stored, by their names in Pusher's webhooks. */
export const STORED_TYPES = {
  channel_occupied: 'topic.occupied',
  channel_vacated: 'topic.vacated',
  member_added: 'member.joined',
  member_removed: 'member.left',
  cache_miss: 'channel.cache-miss',
  client_event: 'channel.client-event',
  subscription_count: 'channel.subscription-count',
} as const satisfies Record<PusherEventName, EventOfChannel>;

const NAMES = new Map<string, PusherEventName>(
  Object.entries(STORED_TYPES).map(([name, type]) => [type, name as PusherEventName]),
);

type Stored = Pick<StoredEvent, 'type' | 'data'>;

/** What an event of a channel tells, as receivers get it. */
interface ChannelEvent {
  readonly appId: string;
  readonly name: PusherEventName;
  readonly channel: string;
  /** All else, in the order of Pusher's documentation. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Null for an event of a topic or a client, for one that is not shown, and for one that cannot be read. */
export function channelEventOf({ type, data: text }: Stored): ChannelEvent | null {
  const name = NAMES.get(type);
  const data = name === undefined ? null : parsed(text);
  if (name === undefined || data === null) return null;
  const found = typeof data['topic'] === 'string' ? channelOfTopic(data['topic']) : null;
  if (found === null || found.channel.startsWith(OWN_CHANNELS)) return null;
  return { ...found, name, fields: fieldsOf(name, data) };
}

function fieldsOf(name: PusherEventName, data: Readonly<Record<string, unknown>>): ChannelEvent['fields'] {
  switch (name) {
    case 'member_added':
    case 'member_removed':
      return { user_id: (data['member'] as { id?: unknown } | undefined)?.id };
    case 'client_event': {
      const { event, socket_id, user_id } = data;
      return { event, data: asText(data['data']), socket_id, ...(typeof user_id === 'string' && { user_id }) };
    }
    case 'subscription_count':
      return { subscription_count: data['subscription_count'] };
    case 'channel_occupied':
    case 'channel_vacated':
    case 'cache_miss':
      return {};
  }
}

/** Typed libraries take nothing but a string. */
function asText(data: unknown): string {
  return typeof data === 'string' ? data : (JSON.stringify(data) ?? '');
}

/** The body of a request with these events: the same on every try. Its time is that of the last of them. */
export function pusherBody(events: readonly StoredEvent[]): Buffer {
  const time = Math.max(...events.map(({ position }) => timeOf(position)));
  const shown = events.map((event) => {
    const { name, channel, fields } = channelEventOf(event) ?? {};
    return { name, channel, ...fields };
  });
  return bodyOf(time, shown);
}

/** A request that tells of nothing. */
export function emptyPusherBody(): Buffer {
  return bodyOf(Date.now(), []);
}

function bodyOf(time: number, events: readonly object[]): Buffer {
  return Buffer.from(JSON.stringify({ time_ms: time, events }));
}

/** Null: no receiver could read it either. */
function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
