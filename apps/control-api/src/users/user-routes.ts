import {
  disconnectUserResponse,
  revokeRequest,
  revokeResponse,
  userResponse,
  usersRequest,
  usersResponse,
} from '@holdfast/protocol/rest/users';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { BODY_CODES, KEY_CODES, TOKEN_CODES, answers, keyed, keyedOrToken, userPath } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { disconnectUser, revokeUser } from './user-actions.ts';
import { statusOf } from './user-connections.ts';

const tags = ['users'];
const SEEN_BY = 'Needs any right to `manage`, or `@users` in `can.presence`.';
const MANAGED = 'Of the clients that the key manages: its own, or with `"manage": ["**"]` all.';

/** Looking at users, and ending what they have. */
export const userRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { keys } = services;

  app.get(
    '/v1/users/:user',
    {
      onRequest: needsKeyOrToken(services, 'look at users'),
      schema: {
        operationId: 'readUser',
        summary: 'See whether a user is connected',
        description: `A user without a client is one with 0 clients. ${SEEN_BY}`,
        tags,
        security: keyedOrToken,
        params: userPath,
        response: answers({ 200: userResponse.describe('The user') }, [...KEY_CODES, ...TOKEN_CODES]),
      },
    },
    async (request, reply) => {
      const { user } = request.params;
      const [status] = await statusOf(services, [user], request, reply);
      return status ?? { user, connected: false, clients: 0, connections: 0 };
    },
  );

  app.post(
    '/v1/users/status',
    {
      onRequest: needsKeyOrToken(services, 'look at users'),
      schema: {
        operationId: 'readUsers',
        summary: 'See whether users are connected',
        description: `Many at once. ${SEEN_BY}`,
        tags,
        security: keyedOrToken,
        body: usersRequest,
        response: answers({ 200: usersResponse.describe('The users') }, [...KEY_CODES, ...TOKEN_CODES, ...BODY_CODES]),
      },
    },
    async (request, reply) => ({ users: await statusOf(services, request.body.users, request, reply) }),
  );

  app.post(
    '/v1/users/:user/disconnect',
    {
      onRequest: needsKey(keys, 'manage'),
      config: { audit: 'disconnect-user' },
      schema: {
        operationId: 'disconnectUser',
        summary: 'Close the connections of a user',
        description: `They are closed with 4403; the registrations stay. ${MANAGED}`,
        tags,
        security: keyed,
        params: userPath,
        response: answers({ 202: disconnectUserResponse.describe('Their edges are notified') }, [
          ...KEY_CODES,
          ...BODY_CODES,
        ]),
      },
    },
    async (request, reply) => reply.code(202).send(await disconnectUser(services, keyOf(request), request)),
  );

  app.post(
    '/v1/users/:user/revoke',
    {
      onRequest: needsKey(keys, 'manage'),
      config: { audit: 'revoke-user' },
      schema: {
        operationId: 'revokeUser',
        summary: 'Revoke the tokens of a user',
        description:
          'Those issued before the time given, or before now, are refused from now on, and connections of clients that ' +
          'have one are closed with 4401. It is for tokens of the own API key; with `"manage": ["**"]` for those of all.',
        tags,
        security: keyed,
        params: userPath,
        body: revokeRequest,
        response: answers({ 202: revokeResponse.describe('Revoked; the edges are notified') }, [
          ...KEY_CODES,
          ...BODY_CODES,
        ]),
      },
    },
    async (request, reply) => {
      const issuedBefore = request.body?.issuedBefore ?? Date.now();
      return reply.code(202).send(await revokeUser(services, keyOf(request), issuedBefore, request));
    },
  );
};
