import { z } from 'zod';
import { EVENT_TYPES, type EventType, MESSAGE_PUBLISHED } from './events.ts';
import { pusherAppId } from './pusher/app.ts';
import { pusherEventName } from './pusher/webhooks.ts';
import { topicPattern } from './topic-name.ts';

const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;
const MAX_SECRETS = 5;
const MAX_PATTERNS = 100;
const MAX_BATCH_EVENTS = 1000;
const MAX_BATCH_MS = 60_000;

const ANY_TYPE = '*';

/** A secret of Standard Webhooks: a prefix, and 24 to 64 bytes as base64. */
const webhookSecret = z.string().refine((text) => {
  const bytes = secretBytes(text);
  return bytes !== null && bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES;
}, 'must be "whsec_" and 24 to 64 random bytes as base64');

/** The key of a secret; null when it is none. */
export function secretBytes(secret: string): Uint8Array | null {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return null;
  return Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
}

/** Which types: one by its name, `<group>.*`, or `*`. */
const typePattern = z
  .string()
  .refine(
    (pattern) => EVENT_TYPES.some((type) => matchesType(pattern, type)),
    `must be a type of event, "client.*", "topic.*", "member.*", or "*" for all but "${MESSAGE_PUBLISHED}"`,
  );

/** Whether a type is meant. What holds the data of every message must be named in full. */
export function matchesType(pattern: string, type: EventType): boolean {
  if (pattern === type) return true;
  if (type === MESSAGE_PUBLISHED) return false;
  return pattern === ANY_TYPE || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)));
}

const batch = z.strictObject({
  size: z.int().min(1).max(MAX_BATCH_EVENTS).default(100).describe('Events in one request at most'),
  ms: z.int().min(0).max(MAX_BATCH_MS).default(250).describe('How long events are gathered'),
});

export const webhookId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

/** What endpoints of every format have. */
const anyEndpoint = {
  id: webhookId,
  url: z.url({ protocol: /^https?$/, error: 'must be an https:// URL' }).refine((text) => {
    const { username = '', password = '', hash = '' } = URL.parse(text) ?? {};
    return username === '' && password === '' && hash === '';
  }, 'must have no user, no password and no fragment'),
  batch: batch.optional().describe('Several events in one request; one event a request when not given'),
};

/** Gets the events of clients and topics, as Standard Webhooks. */
const standardEndpoint = z
  .strictObject({
    ...anyEndpoint,
    format: z.literal('standard').default('standard'),
    secret: webhookSecret.optional(),
    secrets: z
      .array(webhookSecret)
      .min(1)
      .max(MAX_SECRETS)
      .optional()
      .describe('In place of `secret` while it is replaced: each signs'),
    types: z.array(typePattern).min(1).max(MAX_PATTERNS).default([ANY_TYPE]),
    topics: z
      .array(topicPattern)
      .min(1)
      .max(MAX_PATTERNS)
      .optional()
      .describe('Events that tell of a topic are sent when it fits; all when not given'),
  })
  .refine(
    ({ secret, secrets }) => (secret === undefined) !== (secrets === undefined),
    'must have either secret or secrets',
  )
  .transform(({ secret, secrets, ...endpoint }) => ({
    ...endpoint,
    secrets: secrets ?? (secret === undefined ? [] : [secret]),
  }));

export type StandardEndpoint = z.output<typeof standardEndpoint>;

/** Gets the events of the channels of an app, as Pusher's webhooks. The app's key and secret sign them. */
const pusherEndpoint = z.strictObject({
  ...anyEndpoint,
  format: z.literal('pusher'),
  app: pusherAppId,
  types: z.array(pusherEventName).min(1).default(pusherEventName.options),
});

export type PusherEndpoint = z.output<typeof pusherEndpoint>;

/** One receiver of events. */
export const webhookEndpoint = z.discriminatedUnion('format', [standardEndpoint, pusherEndpoint], {
  error: ({ code }) => (code === 'invalid_union' ? 'must be "standard" or "pusher"' : undefined),
});

export type WebhookEndpoint = z.output<typeof webhookEndpoint>;

/** The file of webhooks. Ids are unique in it. */
export const webhooksFile = z.strictObject({
  endpoints: z
    .array(webhookEndpoint)
    .max(MAX_PATTERNS)
    .superRefine((endpoints, context) => {
      const seen = new Set<string>();
      for (const [index, { id }] of endpoints.entries()) {
        if (seen.has(id)) {
          context.addIssue({ code: 'custom', path: [index, 'id'], message: `is there twice: "${id}"` });
        }
        seen.add(id);
      }
    }),
});
