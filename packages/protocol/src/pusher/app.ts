import { z } from 'zod';
import { MAX_EVENT_BYTES } from './limits.ts';

/** What a payload may be raised to. */
const MAX_CONFIGURED_EVENT_BYTES = 64 * 1024;

export const pusherAppId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')
  .describe('The id of the app, as in `/apps/{appId}`');

export const pusherKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')
  .describe('The public key of the app, as in `/app/{key}`; it stands in pages');

const pusherSecret = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters without blanks');

/**
 * What makes an API key an app of the Pusher door. The secret is plain: both services compute HMACs with it, so the file
 * must be readable by its owner alone.
 */
export const pusherApp = z.strictObject({
  appId: pusherAppId,
  key: pusherKey,
  secret: pusherSecret.describe('The secret of the app, in plain text'),
  previousSecret: pusherSecret
    .optional()
    .describe('While the secret is replaced: the one before, in plain text. What is signed with it is still taken'),
  clientEvents: z.boolean().default(false).describe('Whether clients may send events to each other'),
  subscriptionCount: z
    .boolean()
    .default(false)
    .describe('Whether subscribers are sent how many there are on a channel'),
  maxEventBytes: z
    .int()
    .min(1)
    .max(MAX_CONFIGURED_EVENT_BYTES)
    .default(MAX_EVENT_BYTES)
    .describe('How many bytes the data of an event may have'),
  // A client is sent them all in one frame.
  maxPresenceMembers: z.int().min(1).max(1000).default(100).describe('How many members a presence channel may have'),
});

export type PusherApp = z.output<typeof pusherApp>;
