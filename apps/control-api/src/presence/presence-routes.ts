import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { PresentMember } from '@holdfast/broker/presence-state';
import { isPresenceCursor } from '@holdfast/broker/presence-cursor';
import { presenceCountRequest, presenceCountResponse, presenceResponse } from '@holdfast/protocol/rest/presence';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { principalOf, requireTopics } from '../auth/authorization.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import { ProblemError } from '../http/problem-error.ts';
import { isGone } from '../limits/call-limits.ts';
import { BODY_CODES, KEY_CODES, TOKEN_CODES, answers, keyedOrToken, pageLimit, topicPath } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { noSuchTopic, readStates, requireExisting } from '../topics/topic-states.ts';

const tags = ['presence'];
/** It names an edge, a number and a member. */
const MAX_CURSOR = 1024;

const presenceCursor = z
  .string()
  .refine((text) => text.length <= MAX_CURSOR && isPresenceCursor(text), 'must be the cursor of the page before')
  .optional()
  .describe('From the page before');

/** Who is present on topics. */
export const presenceRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, bulkBroker, bulkReads } = services;
  const onRequest = needsKeyOrToken(services);

  app.get(
    '/v1/topics/:topic/presence',
    {
      onRequest,
      schema: {
        operationId: 'readPresence',
        summary: 'See who is present on a topic',
        description:
          'A page may have fewer members than `limit`, and none; it goes on as long as there is a `cursor`. ' +
          'Who comes or goes between two pages may be missing, or be there.',
        tags,
        security: keyedOrToken,
        params: topicPath,
        querystring: z.strictObject({ cursor: presenceCursor, limit: pageLimit }),
        response: answers({ 200: presenceResponse.describe('A page of members') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          'topic-not-found',
          'presence-off',
        ]),
      },
    },
    async (request, reply) => {
      const { topic } = request.params;
      requireTopics(principalOf(request), 'presence', [topic]);
      const { cursor = null, limit } = request.query;
      request.holdBytes(MAX_PAGE_BYTES);
      const page = await bulkReads.run(
        request.caller,
        () => isGone(reply),
        () => bulkBroker.readPresence(topic, cursor, limit),
      );
      if (page === null) throw await withoutPresence(topic);
      return { ...page, members: page.members.map(memberView) };
    },
  );

  app.post(
    '/v1/presence/count',
    {
      onRequest,
      schema: {
        operationId: 'countPresent',
        summary: 'Count who is present on topics',
        tags,
        security: keyedOrToken,
        body: presenceCountRequest,
        response: answers({ 200: presenceCountResponse.describe('The numbers of members') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          ...BODY_CODES,
          'topic-not-found',
        ]),
      },
    },
    async (request) => {
      const topics = [...new Set(request.body.topics)];
      requireTopics(principalOf(request), 'presence', topics);
      const counts = await broker.countPresent(topics);
      const uncounted = topics.filter((_, index) => counts[index] === null);
      if (uncounted.length > 0) requireExisting(await readStates(broker, uncounted), uncounted);
      return {
        counts: Object.fromEntries(
          topics.flatMap((topic, index) => {
            const count = counts[index] ?? null;
            return count === null ? [] : [[topic, count]];
          }),
        ),
      };
    },
  );

  async function withoutPresence(topic: string): Promise<ProblemError> {
    const [state] = await broker.readTopics([topic]);
    return state ? new ProblemError('presence-off', { topics: [topic] }) : noSuchTopic(topic);
  }
};

function memberView({ id, info }: PresentMember): { id: string; info: unknown } {
  return { id, info: info === null ? null : (JSON.parse(info) as unknown) };
}
