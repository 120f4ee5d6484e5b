import { ownKeyResponse } from '@holdfast/protocol/rest/own-key';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { KEY_CODES, answers, keyed } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { keyOf, needsKey } from './authorization.ts';

/** What the presented key may, so that a page can say what it will not show before it is refused. */
export const ownKeyRoute: FastifyPluginAsyncZod<Services> = async (app, { keys }) => {
  app.get(
    '/v1/key',
    {
      onRequest: needsKey(keys),
      schema: {
        operationId: 'readOwnKey',
        summary: 'See what the presented API key may',
        tags: ['operations'],
        security: keyed,
        response: answers({ 200: ownKeyResponse.describe('The key, without its secret') }, KEY_CODES),
      },
    },
    async (request) => {
      const { id, can, maxClients, maxTopics, maxHistoryMessages, expiresAt } = keyOf(request);
      return { id, can, maxClients, maxTopics, maxHistoryMessages, expiresAt };
    },
  );
};
