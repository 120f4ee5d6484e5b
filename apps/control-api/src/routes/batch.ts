import { MAX_BATCH_BYTES, MAX_BATCH_MESSAGES } from '@holdfast/protocol/limits';
import { batchMessage, batchRequest, batchResponse } from '@holdfast/protocol/rest/messages';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseBatch } from '../batch-body.ts';
import { BODY_CODES, KEY_CODES, answers } from '../openapi/answers.ts';
import { keyed } from '../openapi/security.ts';
import { keyOf, needsKey } from '../plugins/api-keys.ts';
import { readBodiesWith } from '../plugins/bodies.ts';
import { publishBatch } from '../publish-batch.ts';
import type { Services } from '../services.ts';

/** Messages are judged one by one, later; the document says what each must be. */
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
      onRequest: needsKey(services.keys, 'publish'),
      schema: {
        operationId: 'publishBatch',
        summary: 'Publish many messages',
        description:
          'Each message is judged alone: one that is wrong does not stop the others. ' +
          'Messages of the same topic keep their order.',
        tags: ['messages'],
        security: keyed,
        body,
        response: answers({ 202: batchResponse.describe('One result for each message, in order') }, [
          ...KEY_CODES,
          ...BODY_CODES,
        ]),
      },
    },
    async (request, reply) =>
      reply.code(202).send({ results: await publishBatch(services, keyOf(request), request.body.messages) }),
  );
};
