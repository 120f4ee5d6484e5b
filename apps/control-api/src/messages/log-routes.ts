import { type LogPage, goesOn, isComplete } from '@holdfast/broker/topic-state';
import { MAX_PAGE, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { Position } from '@holdfast/protocol/position-order';
import { position } from '@holdfast/protocol/positions';
import { logEntry, logResponse } from '@holdfast/protocol/rest/messages';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { principalOf, requireReading } from '../auth/authorization.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { isGone } from '../limits/call-limits.ts';
import { KEY_CODES, TOKEN_CODES, answers, keyedOrToken, pageLimit, topicPath } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { noSuchTopic } from '../topics/topic-states.ts';

/** Any JSON value: no schema in OpenAPI. */
const documentedEntry = logEntry.extend({ data: z.unknown().describe('What was published') });
/** For the document only: the answer is made of bytes, not of values. */
const documentedLog = logResponse.extend({ messages: z.array(documentedEntry).max(MAX_PAGE) });
const documented: object = answers({ 200: documentedLog.describe('The messages, oldest first') }, [
  ...KEY_CODES,
  ...TOKEN_CODES,
  'topic-not-found',
]);

/** Reading a topic's log. */
export const logRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { bulkBroker, bulkReads } = services;
  app.get(
    '/v1/topics/:topic/messages',
    {
      onRequest: needsKeyOrToken(services),
      schema: {
        operationId: 'readLog',
        summary: "Read a topic's log",
        description:
          'At most 256 KiB a page. With `"more":true` the log goes on: the next page starts `after` the last id of this one.',
        tags: ['messages'],
        security: keyedOrToken,
        params: topicPath,
        querystring: z.strictObject({
          after: position.optional().describe('Read what follows this position; all that is kept when not given'),
          limit: pageLimit,
        }),
        response: documented,
      },
    },
    async (request, reply) => {
      const { topic } = request.params;
      requireReading(principalOf(request), topic);
      const after = request.query.after ?? null;
      request.holdBytes(MAX_PAGE_BYTES);
      // With the text, which takes as long as the read.
      const text = await bulkReads.run(
        request.caller,
        () => isGone(reply),
        async () => {
          const page = await bulkBroker.readLog(topic, after, request.query.limit);
          return page && logText(page, after);
        },
      );
      if (text === null) throw noSuchTopic(topic);
      return reply.type('application/json').send(text);
    },
  );
};

/** The answer as text. What was published goes out byte for byte: it is never parsed and printed. */
function logText(page: LogPage, after: Position | null): Buffer {
  const messages = page.entries.flatMap(({ id, data }, index) => [
    Buffer.from(`${index === 0 ? '' : ','}{"id":"${id}","data":`),
    data,
    Buffer.from('}'),
  ]);
  const more = goesOn(page) ? ',"more":true' : '';
  const end = Buffer.from(`],"complete":${isComplete(page, after)}${more}}`);
  return Buffer.concat([Buffer.from('{"messages":['), ...messages, end]);
}
