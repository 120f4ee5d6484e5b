import type { FastifyPluginAsync } from 'fastify';
import { z } from 'zod';
import { open } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { tags } from './calls.ts';
import { ChannelCounter } from './channel-counts.ts';
import { channelRoutes } from './channel-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { requireSignatures } from './signed-requests.ts';
import { userConnectionRoutes } from './user-routes.ts';

interface PusherRoutesOptions {
  readonly services: Services;
  readonly pathPrefixes: readonly string[];
}

/** The REST API of the Pusher Channels protocol, for the apps among the API keys. */
export const pusherRoutes: FastifyPluginAsync<PusherRoutesOptions> = async (app, { services, pathPrefixes }) => {
  await app.register(async (signed) => {
    requireSignatures(signed, { keys: services.keys, pathPrefixes });
    const counting = { ...services, counter: new ChannelCounter(services.broker) };
    for (const routes of [eventRoutes, channelRoutes, userConnectionRoutes]) await signed.register(routes, counting);
  });

  const response = { 200: z.object({ health: z.literal('OK') }).describe('It does') };
  const schema = { operationId: 'isUp', summary: 'Whether the process lives', tags, security: open, response };
  app.get('/up', { schema, config: { probe: true } }, async () => ({ health: 'OK' }));
};
