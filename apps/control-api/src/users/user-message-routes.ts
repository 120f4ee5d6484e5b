import { MAX_MESSAGE_BYTES } from '@holdfast/protocol/limits';
import { publishResponse } from '@holdfast/protocol/rest/messages';
import { USER_TOPIC } from '@holdfast/protocol/topic-name';
import { tracePublish } from '@holdfast/service/tracing';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { principalOf } from '../auth/authorization.ts';
import { callerOf } from '../auth/principal.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { parseJson, readBodiesWith } from '../http/bodies.ts';
import { ProblemError } from '../http/problem-error.ts';
import { IDEMPOTENCY_HEADER, jsonBytes, keyInUse, publishHeaders } from '../messages/message-routes.ts';
import { BODY_CODES, KEY_CODES, TOKEN_CODES, answers, keyedOrToken, userPath } from '../openapi/schemas.ts';
import { outcomeAttributes } from '../observability/tracing.ts';
import type { Services } from '../services.ts';

/** Publishing a message to a user. */
export const userMessageRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, counts } = services;
  readBodiesWith(app, (bytes) => {
    // Parsed to be refused when it is no JSON, and passed on as it came.
    parseJson(bytes);
    return bytes;
  });

  app.post(
    '/v1/users/:user/messages',
    {
      bodyLimit: MAX_MESSAGE_BYTES,
      onRequest: needsKeyOrToken(services, 'publish to users'),
      schema: {
        tags: ['messages'],
        security: keyedOrToken,
        headers: publishHeaders,
        body: jsonBytes,
        operationId: 'publishToUser',
        summary: 'Publish a message to a user',
        description: `It comes on every connection of the user, as topic \`${USER_TOPIC}\`. Needs \`@users\` or \`**\` in \`can.publish\`.`,
        params: userPath,
        response: answers({ 202: publishResponse.describe('Appended to the log') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
          'no-such-user',
          'idempotency-conflict',
        ]),
      },
    },
    async (request, reply) => {
      const { params, body, headers } = request;
      const message = {
        data: body,
        idempotencyKey: headers[IDEMPOTENCY_HEADER],
        caller: callerOf(principalOf(request)),
      };
      const outcome = await tracePublish({ topic: USER_TOPIC, bytes: body.length }, async (span) => {
        const published = await broker.publishToUser(params.user, message, span.traceparent);
        span.set(outcomeAttributes(published));
        return published;
      });
      if (outcome.kind === 'not-found') throw new ProblemError('no-such-user');
      counts.publishes.inc({ outcome: outcome.kind });
      if (outcome.kind === 'conflict') throw keyInUse();
      return reply.code(202).send({ topic: USER_TOPIC, id: outcome.id });
    },
  );
};
