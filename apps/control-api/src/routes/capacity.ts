import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { capacityResponse } from '@holdfast/protocol/rest/capacity';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { capacityOf } from '../capacity/capacity.ts';
import { KEY_CODES, answers } from '../openapi/answers.ts';
import { keyed } from '../openapi/security.ts';
import { needsKey } from '../plugins/api-keys.ts';
import type { Services } from '../services.ts';

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
