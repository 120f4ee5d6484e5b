import { apiKeyId } from '@holdfast/protocol/api-key';
import { keysResponse } from '@holdfast/protocol/rest/keys';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { needsKey } from '../auth/authorization.ts';
import { KEY_CODES, answers, keyed, pageLimit } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { listKeys } from './key-views.ts';

const keysQuery = z.strictObject({
  cursor: apiKeyId.optional().describe('From the page before'),
  limit: pageLimit,
});

/** Looking at API keys. */
export const keyRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys }) => {
  app.get(
    '/v1/keys',
    {
      onRequest: needsKey(keys, 'manage everything'),
      schema: {
        operationId: 'listKeys',
        summary: 'List the API keys, what each may, and what it has',
        description: 'In the order of their ids, without secrets and hashes. Needs `"manage": ["**"]`.',
        tags: ['operations'],
        security: keyed,
        querystring: keysQuery,
        response: answers({ 200: keysResponse.describe('The keys in force, expired ones with them') }, KEY_CODES),
      },
    },
    async ({ query: { cursor = null, limit } }) => listKeys(broker, keys, cursor, limit),
  );
};
