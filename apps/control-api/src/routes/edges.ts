import { edgesResponse } from '@holdfast/protocol/rest/edges';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { KEY_CODES, answers } from '../openapi/answers.ts';
import { keyed } from '../openapi/security.ts';
import { needsKey } from '../plugins/api-keys.ts';
import type { Services } from '../services.ts';

/** Looking at edges. */
export const edgeRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys }) => {
  app.get(
    '/v1/edges',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'listEdges',
        summary: 'List all live edges',
        tags: ['operations'],
        security: keyed,
        response: answers({ 200: edgesResponse.describe('Every live edge') }, KEY_CODES),
      },
    },
    async () => {
      const edges = await broker.liveEdges();
      return {
        edges: edges.map(({ id, url, connections, maxConnections, draining, startedAt }) => ({
          id,
          url,
          connections,
          maxConnections,
          draining,
          startedAt: new Date(startedAt).toISOString(),
        })),
      };
    },
  );
};
