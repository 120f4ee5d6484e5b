import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { capacityResponse } from '@holdfast/protocol/rest/edges';
import { edgesResponse } from '@holdfast/protocol/rest/edges';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { needsKey } from '../auth/authorization.ts';
import { KEY_CODES, answers, keyed } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { capacityOf } from './capacity.ts';

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

/** Looking at what the installation uses and what more fits in. */
export const capacityRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys, redisLoads }) => {
  app.get(
    '/v1/capacity',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'readCapacity',
        summary: 'What the installation uses, what limits it first, and what more fits in; takes half a second',
        tags: ['operations'],
        security: keyed,
        response: answers({ 200: capacityResponse.describe('As of now') }, KEY_CODES),
      },
    },
    async () => {
      const [edges, redis] = await Promise.all([broker.liveEdges(), redisLoads().catch(unavailable)]);
      return capacityOf(edges, redis);
    },
  );
};

function unavailable(error: unknown): never {
  throw new RedisUnavailable(error);
}
