import { z } from 'zod';
import { pusherKey } from './app.ts';
import { SOCKET_ID, channelKind, channelName } from './channels.ts';
import { MAX_BATCH_EVENTS, MAX_CHANNELS, MAX_EVENT_NAME_LENGTH } from './limits.ts';

/** Bodies, queries and answers of the REST API of the Pusher Channels protocol. Fields that it does not name are ignored. */

/** What callers can ask of a channel. */
const ATTRIBUTES = ['user_count', 'subscription_count', 'cache'] as const;
export type ChannelAttribute = (typeof ATTRIBUTES)[number];

function info<const A extends ChannelAttribute>(allowed: readonly A[]) {
  return z
    .string()
    .transform((text, context): Set<A> => {
      const names = text === '' ? [] : text.split(',');
      const known = names.filter((name): name is A => allowed.some((one) => one === name));
      if (known.length < names.length) {
        const message = `must be of ${allowed.join(', ')}, with commas between them`;
        context.addIssue({ code: 'custom', message });
      }
      return new Set(known);
    })
    .describe(`Of ${allowed.map((name) => `\`${name}\``).join(', ')}, with commas between them`);
}

const countInfo = info(['user_count', 'subscription_count']);

/** Libraries send null for what is not given. */
const shared = {
  name: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_EVENT_NAME_LENGTH, `must be at most ${MAX_EVENT_NAME_LENGTH} characters`)
    .describe('The name of the event'),
  data: z.string('must be a string').describe('Passed on as it is; JSON is to be sent as a string'),
  socket_id: z
    .string()
    .regex(SOCKET_ID, 'must be the socket id of a connection: two numbers and a dot')
    .nullish()
    .describe('The connection that does not get the event'),
  info: countInfo.nullish(),
};

/** An event for one channel or several. Libraries send `channel` for one. */
export const eventRequest = z
  .object({
    ...shared,
    channel: channelName.nullish(),
    channels: z
      .array(channelName)
      .min(1, 'must have a channel')
      .max(MAX_CHANNELS, `must be at most ${MAX_CHANNELS}`)
      .nullish(),
  })
  .superRefine(({ channel, channels }, context) => {
    const given = [...(channels ?? []), ...(channel == null ? [] : [channel])];
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', path: ['channels'], message });
    };
    if (given.length === 0) refuse('must be given, or channel');
    else if (channel != null && channels != null) refuse('must not be given beside channel');
    else if (given.length > 1 && given.some((name) => channelKind(name).encrypted)) {
      refuse('must be one channel when it is encrypted: each has a key of its own');
    }
  });

/** What its data may be in bytes depends on the app. */
export const batchedEvent = z.object({ ...shared, channel: channelName });

export const batchEventsRequest = z.object({
  batch: z
    .array(batchedEvent)
    .min(1, 'must have an event')
    .max(MAX_BATCH_EVENTS, `must be at most ${MAX_BATCH_EVENTS} events`),
});

export type BatchedEvent = z.output<typeof batchedEvent>;

const counts = z.object({
  user_count: z.int().optional().describe('Users on a presence channel'),
  subscription_count: z.int().optional().describe('Subscriptions to a channel that is no presence channel'),
});

export type ChannelCounts = z.output<typeof counts>;

export const eventResponse = z.object({
  channels: z.record(channelName, counts).optional().describe('What `info` asks for, by channel'),
});

export const batchEventsResponse = z.object({
  batch: z
    .array(counts)
    .optional()
    .describe('What `info` asks for, in the order of the events; not there when none does'),
});

/** How a request is signed. */
export const signedQuery = z.object({
  auth_key: pusherKey,
  auth_timestamp: z.string().describe('When it was signed, in seconds since the epoch; at most 600 from now'),
  auth_version: z.string().describe('`1.0`'),
  auth_signature: z
    .string()
    .describe('HMAC-SHA256 of method, path and query by the secret of the app, as hexadecimal digits'),
  body_md5: z.string().optional().describe('MD5 of the body as hexadecimal digits; needed when there is a body'),
});

export const channelsQuery = signedQuery
  .extend({
    filter_by_prefix: z
      .string()
      .regex(/^[A-Za-z0-9_\-=@,.;#]{0,200}$/, 'must be how names of channels begin')
      .default('')
      .describe('Only channels whose names begin so'),
    info: countInfo.optional(),
  })
  .superRefine((query, context) => {
    const onlyPresence = query.filter_by_prefix.startsWith('presence-');
    if (!query.info?.has('user_count') || onlyPresence) return;
    const message = 'may have user_count only with a filter_by_prefix that begins with "presence-"';
    context.addIssue({ code: 'custom', path: ['info'], message });
  });

export const channelsResponse = z.object({
  channels: z.record(channelName, counts).describe('The occupied channels, with what `info` asks for'),
});

export const channelQuery = signedQuery.extend({ info: info(ATTRIBUTES).optional() });

export const channelResponse = counts.extend({
  occupied: z.boolean().describe('Whether somebody is subscribed'),
  cache: z
    .object({ data: z.string(), ttl: z.int().describe('Seconds for which it is kept') })
    .nullish()
    .describe('The last event of a cache channel; null: there is none'),
});

export const usersResponse = z.object({ users: z.array(z.object({ id: z.string() })) });

export const connectionsResponse = z.object({ connections: z.int().describe('Of the app, on all edges') });
