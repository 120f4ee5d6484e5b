import { userId } from '@holdfast/protocol/pusher-channels';
import { signedQuery } from '@holdfast/protocol/pusher-rest';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';
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
        description:
          'They are closed with 4009, after which clients stay away. 503 while an edge that has some is being subscribed ' +
          'again at Redis: others have closed theirs by then, and the same call again ends the rest.',
        tags,
        security,
        params: path,
        querystring: signedQuery,
        response: answers(
          { 200: z.object({}).describe('Every edge that has such connections was notified') },
          SIGNED_BODY_CODES,
        ),
      },
    },
    async (request) => {
      const { missed } = await broker.terminateConnections(appOf(request).appId, request.params.user);
      if (missed > 0) {
        const detail = `${missed} of the edges that have connections of this user could not be notified: call again`;
        throw new ProblemError('redis-unavailable', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      return {};
    },
  );
};
