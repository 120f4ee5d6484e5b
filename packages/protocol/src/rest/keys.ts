import { z } from 'zod';
import { apiKey, apiKeyId } from '../api-key.ts';
import { pusherAppId, pusherKey } from '../pusher/app.ts';
import { ownKeyResponse } from './own-key.ts';

/** How tokens of a key are verified, without what they are verified with. */
const keyTokens = z.object({
  alg: z.enum(['ES256', 'RS256', 'EdDSA', 'HS256']),
  issuer: z.string().nullable().describe('null: any'),
  audience: z.string(),
  maxSeconds: z.int(),
  jwksUrl: z.string().nullable().describe('null: the key or the secret is in the file'),
});

/** An app of the Pusher door, without its secret. */
const keyApp = z.object({ appId: pusherAppId, key: pusherKey });

/** The same as its holder sees, and what it has and did. */
export const keySummary = ownKeyResponse.extend({
  expired: z.boolean(),
  tokens: keyTokens.nullable().describe('null: there are no tokens of it'),
  pusher: keyApp.nullable().describe('null: it is no app of the Pusher door'),
  used: z.object({ clients: z.int(), topics: z.int(), historyMessages: z.int() }),
  lastUsedAt: z.iso
    .datetime()
    .nullable()
    .describe('The last call with it, or with a token of it, to the minute; null: never'),
});

export const keysResponse = z.object({
  keys: z.array(keySummary),
  cursor: apiKeyId.nullable().describe('Where the next page begins; null at the end'),
});

/** A key as the keys file has it; its secret is made by the call, that of an app is given. */
export const createKeyRequest = apiKey.omit({ secretSha256: true });
export type NewKey = z.input<typeof createKeyRequest>;

export const createKeyResponse = keySummary.extend({
  key: z.string().describe('`<id>.<secret>`, as it is presented. Shown this once: only its hash is kept'),
});

export const deleteKeyResponse = z.object({
  id: apiKeyId,
  clients: z.int().describe('Clients of it that were unregistered'),
});

/** The key is gone, and its clients are still being unregistered. */
export const deletingKeyResponse = z.object({
  id: apiKeyId,
  clients: z.int().describe('Clients of it that were unregistered so far'),
  done: z.literal(false).describe('The same call again waits for the end'),
});
