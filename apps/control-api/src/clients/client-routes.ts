import { isClientRef } from '@holdfast/protocol/client-id';
import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import {
  clientResponse,
  clientsResponse,
  disconnectResponse,
  knownClientName,
  registerRequest,
  registerResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import { userName } from '@holdfast/protocol/user';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TokenCheck } from '@holdfast/broker/broker';
import { requireAuthorization } from '../auth/client-authorization.ts';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { ProblemError } from '../http/problem-error.ts';
import { callOfClient, isGone } from '../limits/call-limits.ts';
import {
  BODY_CODES,
  KEY_CODES,
  TOKEN_CODES,
  answers,
  clientsCursor,
  keyed,
  keyedForRef,
  keyedOrToken,
  namedClientPath,
  pageLimit,
} from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { describeClient, disconnectClient, listClients } from './client-views.ts';
import { managedClient, namedClient, refNeedsKey, uuidMayHaveToken } from './named-client.ts';
import { requireOwnClient } from './own-client.ts';
import { registerByToken } from './register-by-token.ts';
import { register } from './register.ts';

const tags = ['clients'];
const RENEWED = 'The client of the token was there; its rights and its end are those of this token now';

/** Register, Unregister, and reading clients. */
export const clientRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, bulkBroker, bulkReads, keys, counts } = services;

  app.post(
    '/v1/clients',
    {
      onRequest: needsKeyOrToken(services, 'register'),
      config: { audit: 'register' },
      schema: {
        operationId: 'register',
        summary: 'Register a client',
        description:
          'Returns the UUID of the client, which is its credential, and where to connect. ' +
          'With `topics` it is subscribed to all of them, or not registered at all. ' +
          'Topics that do not exist are made where `can.create` covers them. ' +
          'With a token, and without a body, a browser registers itself: the claims say what its client is.',
        tags,
        security: keyedOrToken,
        body: registerRequest,
        response: answers({ 201: registerResponse.describe('Registered'), 200: registerResponse.describe(RENEWED) }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
          'too-many-topics',
          'topic-not-found',
          'topic-quota-reached',
          'history-quota-reached',
          'client-exists',
          'name-taken',
          'quota-reached',
        ]),
      },
    },
    async (request, reply) => {
      if (request.token !== null) {
        requireNoFields(request.body ?? {});
        const { created, answer } = await registerByToken(services, request.token);
        return reply.code(created ? 201 : 200).send(answer);
      }
      const registered = await register(services, keyOf(request), request.body ?? {});
      request.changedClient = registered;
      return reply.code(201).send(registered);
    },
  );

  app.delete(
    '/v1/clients/:clientId',
    {
      onRequest: [refNeedsKey(keys), uuidMayHaveToken(services), callOfClient(services)],
      config: { audit: 'unregister' },
      schema: {
        operationId: 'unregister',
        summary: 'Unregister a client',
        description:
          'Removes it with its subscriptions and what is kept for it; its connection is closed with 4410. ' +
          'The UUID is enough; a `ref` takes a key that may manage the client.',
        tags,
        security: keyedForRef,
        params: namedClientPath,
        response: answers({ 200: unregisterResponse.describe('Unregistered') }, [
          'user-not-found',
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
        ]),
      },
    },
    async (request) => {
      const { clientId } = request.params;
      const unregister = async (id: string, check?: TokenCheck): Promise<void> => {
        if (!(await broker.unregister(id, check))) throw new ProblemError('user-not-found');
        counts.unregistrations.inc();
      };
      if (!isClientRef(clientId)) {
        if (request.token === null) {
          await unregister(clientId, requireAuthorization);
          return { clientId };
        }
        const client = await broker.readClient(clientId);
        if (client === null) throw new ProblemError('user-not-found');
        requireOwnClient(client, request.token);
        await unregister(clientId);
        return { clientId };
      }
      request.changedClient = { ref: clientId };
      const { client, ref, shownId } = await managedClient(broker, clientId, keyOf(request), 'user-not-found');
      await unregister(client.clientId);
      return { ...shownId, ref };
    },
  );

  app.get(
    '/v1/clients/:clientId',
    {
      onRequest: [refNeedsKey(keys), uuidMayHaveToken(services), callOfClient(services)],
      schema: {
        operationId: 'readClient',
        summary: 'Read a client',
        description:
          'Its subscriptions, and what its edge serves to it. The UUID is enough; a `ref` takes a key with `manage`.',
        tags,
        security: keyedForRef,
        params: namedClientPath,
        response: answers({ 200: clientResponse.describe('The client') }, [
          'client-not-found',
          ...KEY_CODES,
          ...TOKEN_CODES,
        ]),
      },
    },
    async ({ params, principal, token, chargeTopics }) => {
      const named = await namedClient(broker, params.clientId, principal?.key ?? null, 'client-not-found');
      if (token !== null) requireOwnClient(named.client, token);
      return describeClient(services, named, chargeTopics);
    },
  );

  app.get(
    '/v1/clients',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'listClients',
        summary: 'List all clients, those of a user, or the one of a name',
        description: 'By `ref`. The UUID, which is a credential, is included only for clients of the own API key.',
        tags,
        security: keyed,
        querystring: z.strictObject({
          user: userName.optional().describe('Only the clients of this user'),
          name: knownClientName.optional().describe('Only the client of this name, of the own API key'),
          cursor: clientsCursor.optional().describe('From the page before'),
          limit: pageLimit,
        }),
        response: answers({ 200: clientsResponse.describe('A page of clients, in the order of their ids') }, KEY_CODES),
      },
    },
    async (request, reply) => {
      const { user, name, cursor = null, limit } = request.query;
      request.holdBytes(MAX_PAGE_BYTES);
      return bulkReads.run(
        request.caller,
        () => isGone(reply),
        () => listClients(broker, bulkBroker, keyOf(request), { user, name, cursor, limit }),
      );
    },
  );

  app.post(
    '/v1/clients/:clientId/disconnect',
    {
      onRequest: needsKey(keys, 'manage'),
      config: { audit: 'disconnect' },
      schema: {
        operationId: 'disconnectClient',
        summary: "Close a client's connection",
        description:
          'It is closed with 4403; the registration stays. `connected` is whether there was one. ' +
          'A key disconnects its own clients, one with `"manage": ["**"]` all.',
        tags,
        security: keyed,
        params: namedClientPath,
        response: answers({ 202: disconnectResponse.describe('Its edge is notified') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'client-not-found',
        ]),
      },
    },
    async (request, reply) => {
      const { clientId } = request.params;
      request.changedClient = isClientRef(clientId) ? { ref: clientId } : { clientId };
      const named = await managedClient(broker, clientId, keyOf(request), 'client-not-found');
      return reply.code(202).send(await disconnectClient(broker, named));
    },
  );
};

/** @throws {ProblemError} invalid-request, naming every field: what a client of a token is, only its claims say */
function requireNoFields(body: object): void {
  const errors = Object.keys(body).map((name) => ({
    field: `body.${name}`,
    rule: 'must not be given with a token, whose claims say what the client is',
  }));
  if (errors.length > 0) throw new ProblemError('invalid-request', { errors });
}
