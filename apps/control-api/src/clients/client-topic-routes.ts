import { topicList, topicsRequest, topicsResponse } from '@holdfast/protocol/rest/clients';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { mayHaveToken } from '../auth/token-calls.ts';
import { ProblemError } from '../http/problem-error.ts';
import { callOfClient } from '../limits/call-limits.ts';
import { BODY_CODES, TOKEN_CODES, answers, clientPath, openOrToken } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { subscribe, unsubscribe } from './subscriptions.ts';

const tags = ['clients'];
const AFTERWARDS = 'The edge follows a moment later, and the client sees it on its connection.';
const accepted = answers({ 202: topicsResponse.describe(`Accepted. ${AFTERWARDS}`) }, [
  ...BODY_CODES,
  ...TOKEN_CODES,
  'too-many-topics',
  'too-many-calls',
  'unknown-client',
  'not-permitted',
  'topic-not-found',
  'topic-quota-reached',
  'history-quota-reached',
]);

/** SubscribeTopic and UnSubscribeTopic. */
export const clientTopicRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  app.post(
    '/v1/clients/:clientId/topics',
    {
      onRequest: [mayHaveToken(services), callOfClient(services)],
      schema: {
        operationId: 'subscribeTopic',
        summary: 'Subscribe a client to topics',
        description: `To all of them or to none, by the rights of the client, or of the token that comes with the call. Topics that do not exist are made where \`can.create\` covers them. ${AFTERWARDS}`,
        tags,
        security: openOrToken,
        params: clientPath,
        body: topicsRequest,
        response: accepted,
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      return reply.code(202).send(await subscribe(services, params.clientId, body.topics, request));
    },
  );

  app.delete(
    '/v1/clients/:clientId/topics',
    {
      onRequest: [mayHaveToken(services), callOfClient(services)],
      schema: {
        operationId: 'unsubscribeTopic',
        summary: 'Unsubscribe a client from topics',
        description: `Topics in the body or in the query. Also one it was not subscribed to is fine. ${AFTERWARDS}`,
        tags,
        security: openOrToken,
        params: clientPath,
        body: topicsRequest.nullish(),
        querystring: z.strictObject({ topics: topicList.optional().describe('Topics with commas between them') }),
        response: accepted,
      },
    },
    async (request, reply) => {
      const { params, body, query } = request;
      const topics = oneOf(body?.topics, query.topics);
      return reply.code(202).send(await unsubscribe(services, params.clientId, topics, request));
    },
  );
};

function oneOf(inBody: string[] | undefined, inQuery: string[] | undefined): string[] {
  if (inBody !== undefined && inQuery !== undefined) {
    throw invalid('must not be given when the body names topics', 'query.topics');
  }
  const topics = inBody ?? inQuery;
  if (topics === undefined) throw invalid('must be given, here or as ?topics=a,b', 'body.topics');
  return topics;
}

function invalid(rule: string, field: string): ProblemError {
  return new ProblemError('invalid-request', { errors: [{ field, rule }] });
}
