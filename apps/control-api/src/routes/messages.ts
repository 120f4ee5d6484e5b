import { MAX_MESSAGE_BYTES } from '@holdfast/protocol/limits';
import { idempotencyKey, publishResponse } from '@holdfast/protocol/rest/messages';
import { OWN_TOPIC } from '@holdfast/protocol/topic-name';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseJson } from '../json-body.ts';
import { BODY_CODES, KEY_CODES, answers } from '../openapi/answers.ts';
import { clientPath, topicPath } from '../openapi/call.ts';
import { keyed } from '../openapi/security.ts';
import { keyOf, needsKey } from '../plugins/api-keys.ts';
import { readBodiesWith } from '../plugins/bodies.ts';
import { ProblemError } from '../problem-error.ts';
import { requireTopics } from '../rights.ts';
import type { Services } from '../services.ts';
import { noSuchTopic } from '../topic-states.ts';

const IDEMPOTENCY_HEADER = 'idempotency-key';

/** The bytes of a body that was found to be JSON. */
const jsonBytes = z
  .custom<Buffer>((body) => Buffer.isBuffer(body), 'must be a JSON value, sent as application/json')
  .describe(`Any JSON value, at most ${MAX_MESSAGE_BYTES} bytes; delivered byte for byte`);

// Loose, for what is validated takes the place of the headers.
const publishHeaders = z.looseObject({
  [IDEMPOTENCY_HEADER]: idempotencyKey
    .optional()
    .describe(
      'The same key with the same body, from the same caller, within 5 minutes publishes nothing and gives the same id',
    ),
});

/** Publishing one message, to a topic or to a client. */
export const messageRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys, counts }) => {
  readBodiesWith(app, (bytes) => {
    // Parsed to be refused when it is no JSON, and passed on as it came.
    parseJson(bytes);
    return bytes;
  });

  const published = answers({ 202: publishResponse.describe('It stands in the log') }, [
    ...KEY_CODES,
    ...BODY_CODES,
    'topic-not-found',
    'idempotency-conflict',
  ]);
  const shared = { tags: ['messages'], security: keyed, headers: publishHeaders, body: jsonBytes };

  app.post(
    '/v1/topics/:topic/messages',
    {
      bodyLimit: MAX_MESSAGE_BYTES,
      onRequest: needsKey(keys),
      schema: {
        ...shared,
        operationId: 'publish',
        summary: 'Publish a message to a topic',
        params: topicPath,
        response: published,
      },
    },
    async (request, reply) => {
      const { topic } = request.params;
      const key = keyOf(request);
      requireTopics(key, 'publish', [topic]);
      const outcome = await broker.publish(topic, request.body, request.headers[IDEMPOTENCY_HEADER], key.id);
      if (outcome.kind === 'not-found') throw noSuchTopic(topic);
      counts.publishes.inc({ outcome: outcome.kind });
      if (outcome.kind === 'conflict') throw keyInUse();
      return reply.code(202).send({ topic, id: outcome.id });
    },
  );

  app.post(
    '/v1/clients/:clientId/messages',
    {
      bodyLimit: MAX_MESSAGE_BYTES,
      onRequest: needsKey(keys, 'publish to clients'),
      schema: {
        ...shared,
        operationId: 'publishToClient',
        summary: 'Publish a message to one client',
        description: `It comes on that client's connection only, as topic \`${OWN_TOPIC}\`. Needs \`@clients\` or \`**\` in \`can.publish\`.`,
        params: clientPath,
        response: answers({ 202: publishResponse.describe('It stands in the log') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'client-not-found',
          'idempotency-conflict',
        ]),
      },
    },
    async (request, reply) => {
      const { params, body, headers } = request;
      const caller = keyOf(request).id;
      const outcome = await broker.publishToClient(params.clientId, body, headers[IDEMPOTENCY_HEADER], caller);
      if (outcome.kind === 'not-found') throw new ProblemError('client-not-found');
      counts.publishes.inc({ outcome: outcome.kind });
      if (outcome.kind === 'conflict') throw keyInUse();
      return reply.code(202).send({ topic: OWN_TOPIC, id: outcome.id });
    },
  );
};

function keyInUse(): ProblemError {
  const detail = 'Within the last 5 minutes this Idempotency-Key was used by another caller, or with another body';
  return new ProblemError('idempotency-conflict', { detail });
}
