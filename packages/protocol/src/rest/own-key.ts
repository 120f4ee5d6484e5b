import { z } from 'zod';
import { apiKeyId } from '../api-key.ts';

const patterns = z.array(z.string());
const most = z.int().nullable();

/** What a key may, for who presents it. */
export const ownKeyResponse = z.object({
  id: apiKeyId,
  can: z.object({
    register: z.boolean(),
    subscribe: patterns,
    publish: patterns,
    manage: patterns,
    create: patterns,
    presence: patterns,
  }),
  maxClients: most.describe('How many clients it may have registered; null: any number'),
  maxTopics: most.describe('How many topics it may have made; null: any number'),
  maxHistoryMessages: most.describe(
    'How many messages the histories of its topics may hold together; null: any number',
  ),
  expiresAt: z.iso.datetime({ offset: true }).nullable().describe('null: never'),
});
