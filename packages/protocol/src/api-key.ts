import { z } from 'zod';
import { pusherApp } from './pusher/app.ts';
import { identityPattern, presencePattern, publishPattern, topicPattern } from './topic-name.ts';
import { topicDefaults } from './rest/topics.ts';
import { tokenSettings } from './token-settings.ts';

export const apiKeyId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')
  .describe('The public half of a key; it may appear in logs');

/** One pre-defined key. Only the hash of its secret is stored. */
export const apiKey = z.strictObject({
  id: apiKeyId,
  secretSha256: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the secret as 64 hexadecimal digits'),
  maxClients: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('How many clients it may have registered; null: any number'),
  maxTopics: z.int().min(0).nullable().default(null).describe('How many topics it may have made; null: any number'),
  maxHistoryMessages: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('How many messages, of 64 KiB at most, the histories of its topics may hold together; null: any number'),
  expiresAt: z.iso.datetime({ offset: true }).nullable().default(null).describe('RFC 3339 time; null: never'),
  can: z
    .strictObject({
      register: z.boolean().default(false),
      subscribe: z.array(identityPattern).default([]),
      publish: z.array(publishPattern).default([]),
      manage: z.array(topicPattern).default([]),
      create: z.array(identityPattern).default([]).describe('Topics that are made when they are first used'),
      presence: z.array(presencePattern).default([]),
    })
    .prefault({}),
  tokens: tokenSettings.optional().describe('Who may issue tokens with which browsers register themselves'),
  clientExpirySeconds: z
    .int()
    .min(1)
    .nullable()
    .optional()
    .describe('A client that has not been connected for so long is forgotten; null: never'),
  pusher: pusherApp.optional().describe('Makes it an app of the Pusher door'),
  topicDefaults: topicDefaults.optional().describe('Of topics that are made when they are first used'),
});

export type ApiKey = z.output<typeof apiKey>;

/** The file of pre-defined keys. Ids are unique in it. */
export const apiKeysFile = z.strictObject({
  keys: z.array(apiKey).superRefine((keys, context) => {
    const seen = new Set<string>();
    for (const [index, key] of keys.entries()) {
      if (seen.has(key.id)) {
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `is there twice: "${key.id}"` });
      }
      seen.add(key.id);
    }
    for (const field of ['appId', 'key'] as const) {
      const apps = new Set<string>();
      for (const [index, { pusher }] of keys.entries()) {
        if (pusher === undefined) continue;
        if (apps.has(pusher[field])) {
          const message = `is there twice: "${pusher[field]}"`;
          context.addIssue({ code: 'custom', path: [index, 'pusher', field], message });
        }
        apps.add(pusher[field]);
      }
    }
  }),
});

export type ApiKeysFile = z.output<typeof apiKeysFile>;
