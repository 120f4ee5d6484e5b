import { apiKeyId } from '@holdfast/protocol/api-key';
import {
  createKeyRequest,
  createKeyResponse,
  deleteKeyResponse,
  deletingKeyResponse,
  keysResponse,
} from '@holdfast/protocol/rest/keys';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { ProblemError } from '../http/problem-error.ts';
import { BODY_CODES, KEY_CODES, answers, flagInQuery, keyed, pageLimit } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { addKey, removeKey } from './key-changes.ts';
import { listKeys, readKey } from './key-views.ts';
import { ClientSweeps } from './unregister-clients.ts';

const tags = ['operations'];
const FILE_CODES = ['keys-file-read-only', 'keys-file-unusable', 'keys-file-unavailable'] as const;

const keysQuery = z.strictObject({
  cursor: apiKeyId.optional().describe('From the page before'),
  limit: pageLimit,
});

/** Proxies and callers wait longer for an answer. */
const ANSWER_WITHIN_MS = 10_000;

const keyPath = z.object({ id: apiKeyId });

const deleteQuery = z.strictObject({
  clients: flagInQuery(false, 'Whether its clients are unregistered as well'),
});

async function nameChangedKey(request: FastifyRequest): Promise<void> {
  const { success, data } = keyPath.safeParse(request.params);
  if (success) request.changedKey = data.id;
}

/** Looking at API keys, and changing the keys file. */
export const keyRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, keys, keysFile } = services;
  const onRequest = needsKey(keys, 'manage everything');
  const sweeps = new ClientSweeps(services, keysFile?.seenWithinMs ?? 0);

  app.get(
    '/v1/keys',
    {
      onRequest,
      schema: {
        operationId: 'listKeys',
        summary: 'List the API keys, what each may, and what it has',
        description: 'In the order of their ids, without secrets and hashes. Needs `"manage": ["**"]`.',
        tags,
        security: keyed,
        querystring: keysQuery,
        response: answers({ 200: keysResponse.describe('The keys in force, expired ones with them') }, KEY_CODES),
      },
    },
    async ({ query: { cursor = null, limit } }) => listKeys(broker, keys, cursor, limit),
  );

  app.post(
    '/v1/keys',
    {
      onRequest,
      config: { audit: 'create-key' },
      schema: {
        operationId: 'createKey',
        summary: 'Make an API key',
        description:
          'Writes it into the keys file (`API_KEYS_FILE`), where the file can be changed. It is in force at once here, and ' +
          'within seconds at every other control-api on the same file. Needs `"manage": ["**"]`.',
        tags,
        security: keyed,
        body: createKeyRequest,
        response: answers({ 201: createKeyResponse.describe('Made; the secret is shown this once') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'key-exists',
          ...FILE_CODES,
        ]),
      },
    },
    async (request, reply) => {
      request.changedKey = request.body.id;
      // Before the key is made: should Redis not answer, nothing has happened, and the secret is not lost.
      const shown = await readKey(broker, request.body);
      const key = await addKey(keysFile, request.body, keyOf(request));
      return reply.code(201).send({ ...shown, key });
    },
  );

  app.delete(
    '/v1/keys/:id',
    {
      // The hook comes first, so that refusals are logged with the key that they are about.
      onRequest: [nameChangedKey, onRequest],
      config: { audit: 'delete-key' },
      schema: {
        operationId: 'deleteKey',
        summary: 'Delete an API key',
        description:
          'Takes it out of the keys file: calls with it answer 403 at once here, and within seconds at every other ' +
          'control-api on the same file. Its clients stay registered, but can do nothing more over the API; with ' +
          '`clients=true` they are unregistered, which takes some seconds longer. After 10 s the answer is 202, and they ' +
          'go on being unregistered: the same call again waits for the end, and begins anew what has failed. ' +
          'A key does not delete itself. Needs `"manage": ["**"]`.',
        tags,
        security: keyed,
        params: keyPath,
        querystring: deleteQuery,
        response: answers(
          {
            200: deleteKeyResponse.describe('Deleted, and with `clients=true` all of its clients are unregistered'),
            202: deletingKeyResponse.describe('Deleted; its clients are still being unregistered'),
          },
          [...KEY_CODES, ...BODY_CODES, 'key-not-found', 'own-key', ...FILE_CODES],
        ),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (id === keyOf(request).id) throw new ProblemError('own-key', { detail: 'Delete it with another key' });
      const removed = await removeKey(keysFile, id, keyOf(request));
      const missing = new ProblemError('key-not-found', { detail: `There is no API key "${id}" in the keys file` });
      if (!request.query.clients) {
        if (!removed) throw missing;
        return { id, clients: 0 };
      }
      // It only waits from here on.
      request.leaveTurn();
      const options = { deleted: removed, caller: request.caller, withinMs: ANSWER_WITHIN_MS };
      const { clients, done } = await sweeps.join(id, options);
      if (!done) return reply.code(202).send({ id, clients, done });
      // An earlier call may have failed between the key and the last of its clients.
      if (!removed && clients === 0) throw missing;
      return { id, clients };
    },
  );
};
