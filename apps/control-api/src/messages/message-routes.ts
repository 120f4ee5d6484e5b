import { MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES } from '@holdfast/protocol/limits';
import {
  batchMessage,
  batchRequest,
  batchResponse,
  idempotencyKey,
  publishResponse,
} from '@holdfast/protocol/rest/messages';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { tracePublish } from '@holdfast/service/tracing';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { principalOf, requireTopics } from '../auth/authorization.ts';
import { callerOf } from '../auth/principal.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { parseJson, readBodiesWith } from '../http/bodies.ts';
import { ProblemError } from '../http/problem-error.ts';
import {
  BODY_CODES,
  KEY_CODES,
  TOKEN_CODES,
  answers,
  clientPath,
  keyedOrToken,
  topicPath,
} from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { createTopic } from '../topics/create-on-demand.ts';
import { outcomeAttributes } from '../observability/tracing.ts';
import { noSuchTopic } from '../topics/topic-states.ts';
import { parseBatch } from './batch-body.ts';
import { publishBatch } from './publish-batch.ts';

export const IDEMPOTENCY_HEADER = 'idempotency-key';

/** The bytes of a body that was found to be JSON. */
export const jsonBytes = z
  .custom<Buffer>((body) => Buffer.isBuffer(body), 'must be a JSON value, sent as application/json')
  .describe(`Any JSON value, at most ${MAX_MESSAGE_BYTES} bytes; delivered byte for byte`);

// Loose, for what is validated takes the place of the headers.
export const publishHeaders = z.looseObject({
  [IDEMPOTENCY_HEADER]: idempotencyKey
    .optional()
    .describe(
      'The same key with the same body, from the same caller, within 5 minutes publishes nothing and gives the same id',
    ),
});

/** Publishing one message, to a topic or to a client. */
export const messageRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, counts } = services;
  readBodiesWith(app, (bytes) => {
    // Parsed to be refused when it is no JSON, and passed on as it came.
    parseJson(bytes);
    return bytes;
  });

  const published = answers({ 202: publishResponse.describe('Appended to the log') }, [
    ...KEY_CODES,
    ...TOKEN_CODES,
    ...BODY_CODES,
    'topic-not-found',
    'topic-quota-reached',
    'history-quota-reached',
    'idempotency-conflict',
  ]);
  const shared = { tags: ['messages'], security: keyedOrToken, headers: publishHeaders, body: jsonBytes };

  app.post(
    '/v1/topics/:topic/messages',
    {
      bodyLimit: MAX_MESSAGE_BYTES,
      onRequest: needsKeyOrToken(services),
      schema: {
        ...shared,
        operationId: 'publish',
        summary: 'Publish a message to a topic',
        description: 'A topic that does not exist is made where `can.create` covers it.',
        params: topicPath,
        response: published,
      },
    },
    async (request, reply) => {
      const { topic } = request.params;
      const principal = principalOf(request);
      requireTopics(principal, 'publish', [topic]);
      const outcome = await tracePublish({ topic, bytes: request.body.length }, async (span) => {
        const { traceparent } = span;
        const publish = () =>
          broker.publish(topic, request.body, request.headers[IDEMPOTENCY_HEADER], callerOf(principal), traceparent);
        let result = await publish();
        if (result.kind === 'not-found') {
          await createTopic(services, principal, topic);
          result = await publish();
        }
        span.set(outcomeAttributes(result));
        return result;
      });
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
      onRequest: needsKeyOrToken(services, 'publish to clients'),
      schema: {
        ...shared,
        operationId: 'publishToClient',
        summary: 'Publish a message to one client',
        description: `It comes on that client's connection only, as topic \`${INBOX_TOPIC}\`. Needs \`@clients\` or \`**\` in \`can.publish\`.`,
        params: clientPath,
        response: answers({ 202: publishResponse.describe('Appended to the log') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
          'client-not-found',
          'idempotency-conflict',
        ]),
      },
    },
    async (request, reply) => {
      const { params, body, headers } = request;
      const caller = callerOf(principalOf(request));
      const { clientId } = params;
      const outcome = await tracePublish({ topic: INBOX_TOPIC, bytes: body.length }, async (span) => {
        const key = headers[IDEMPOTENCY_HEADER];
        const result = await broker.publishToClient(clientId, body, key, caller, span.traceparent);
        span.set(outcomeAttributes(result));
        return result;
      });
      if (outcome.kind === 'not-found') throw new ProblemError('client-not-found');
      counts.publishes.inc({ outcome: outcome.kind });
      if (outcome.kind === 'conflict') throw keyInUse();
      return reply.code(202).send({ topic: INBOX_TOPIC, id: outcome.id });
    },
  );
};

export function keyInUse(): ProblemError {
  const detail = 'Within the last 5 minutes this Idempotency-Key was used by another caller, or with another body';
  return new ProblemError('idempotency-conflict', { detail });
}

/** Messages are validated one by one, later; the document has their schema. */
const documentedMessage = z.unknown().meta(z.toJSONSchema(batchMessage, { io: 'input' }));
const body = batchRequest.extend({
  messages: z.array(documentedMessage).min(1).max(MAX_BATCH_MESSAGES),
});

/** Publishing many messages in one call. */
export const batchRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  readBodiesWith(app, parseBatch);

  app.post(
    '/v1/messages',
    {
      bodyLimit: MAX_BATCH_BYTES,
      onRequest: needsKeyOrToken(services, 'publish'),
      schema: {
        operationId: 'publishBatch',
        summary: 'Publish many messages',
        description:
          'Each message is judged alone: one that is wrong does not stop the others. ' +
          'Messages of the same topic keep their order.',
        tags: ['messages'],
        security: keyedOrToken,
        body,
        response: answers({ 202: batchResponse.describe('One result for each message, in order') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
        ]),
      },
    },
    async (request, reply) =>
      reply.code(202).send({ results: await publishBatch(services, principalOf(request), request.body.messages) }),
  );
};
