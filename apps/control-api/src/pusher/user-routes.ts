import { userId } from '@holdfast/protocol/pusher-channels';
import { signedQuery } from '@holdfast/protocol/pusher-rest';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answers } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { SIGNED_BODY_CODES, appPath, security, tags } from './calls.ts';
import { appOf } from './signed-requests.ts';

const path = appPath.extend({ user: userId.describe('The id of a user who is signed in') });

/** What can be done to the connections of signed-in users. */
export const userConnectionRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker }) => {
  app.post(
    '/apps/:appId/users/:user/terminate_connections',
    {
      config: { audit: 'terminate-connections' },
      schema: {
        operationId: 'terminateUserConnections',
        summary: 'End the connections that are signed in as a user',
        description: 'They are closed with 4009, after which clients stay away.',
        tags,
        security,
        params: path,
        querystring: signedQuery,
        response: answers(
          { 200: z.object({}).describe('Edges that have such connections were notified') },
          SIGNED_BODY_CODES,
        ),
      },
    },
    async (request) => {
      await broker.terminateConnections(appOf(request).appId, request.params.user);
      return {};
    },
  );
};
