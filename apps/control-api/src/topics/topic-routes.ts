import type { TopicState } from '@holdfast/broker/topic-state';
import {
  deleteTopicResponse,
  putTopicRequest,
  topicDetailsResponse,
  topicResponse,
  topicsListResponse,
} from '@holdfast/protocol/rest/topics';
import { topicName, topicPrefix } from '@holdfast/protocol/topic-name';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { deniedTopics, keyOf, needsKey, principalOf, requireReading, requireTopics } from '../auth/authorization.ts';
import { needsKeyOrToken } from '../auth/token-calls.ts';
import {
  BODY_CODES,
  KEY_CODES,
  TOKEN_CODES,
  answers,
  flagInQuery,
  keyed,
  keyedOrToken,
  pageLimit,
  topicPath,
} from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { overQuota, topicSettings } from './topic-settings.ts';
import { noSuchTopic } from './topic-states.ts';

const tags = ['topics'];

const detailsQuery = z.strictObject({
  subscribers: flagInQuery(
    true,
    'Whether all edges are asked how many subscribers they have. false: they are not, and it is null',
  ),
});

/** Creating, looking at and deleting topics. */
export const topicRoutes: FastifyPluginAsyncZod<Services> = async (app, services) => {
  const { broker, keys } = services;
  app.put(
    '/v1/topics/:topic',
    {
      onRequest: needsKey(keys),
      config: { audit: 'put-topic' },
      schema: {
        operationId: 'putTopic',
        summary: 'Create a topic, or change its settings',
        description:
          'Settings that are not given stay as they are; at first they are 1,000 messages and 300 seconds, no expiry, ' +
          'no presence. A topic with `expireSeconds` is deleted when for so long nothing was published and no client was ' +
          'connected to it; subscriptions to it hold again when it is created again within 30 days.',
        tags,
        security: keyed,
        params: topicPath,
        body: putTopicRequest,
        response: answers({ 201: topicResponse.describe('Created'), 200: topicResponse.describe('Already there') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'topic-quota-reached',
          'history-quota-reached',
        ]),
      },
    },
    async (request, reply) => {
      const { topic } = request.params;
      const key = keyOf(request);
      requireTopics(principalOf(request), 'manage', [topic]);
      const owner = { key: key.id, quotaOf: (id: string) => keys.get(id) };
      const outcome = await broker.putTopicOf(owner, topic, topicSettings(request.body ?? {}));
      if (outcome.kind !== 'put') throw overQuota(outcome.kind);
      return reply.code(outcome.created ? 201 : 200).send(view(topic, outcome.state));
    },
  );

  app.get(
    '/v1/topics',
    {
      onRequest: needsKey(keys),
      schema: {
        operationId: 'listTopics',
        summary: 'List all topics',
        tags,
        security: keyed,
        querystring: z.strictObject({
          cursor: topicName.optional().describe('From the page before'),
          prefix: topicPrefix.optional().describe('Only topics whose names begin so'),
          limit: pageLimit,
        }),
        response: answers({ 200: topicsListResponse.describe('A page of topics, in the order of names') }, KEY_CODES),
      },
    },
    async ({ query }) => {
      const { items, cursor } = await broker.listTopics(query.cursor ?? null, query.limit, query.prefix);
      return { topics: items.map(({ topic, state }) => view(topic, state)), cursor };
    },
  );

  app.get(
    '/v1/topics/:topic',
    {
      onRequest: needsKeyOrToken(services),
      schema: {
        operationId: 'readTopic',
        summary: 'Look at a topic',
        description: 'Any API key may; a token only where it may subscribe or publish.',
        tags,
        security: keyedOrToken,
        params: topicPath,
        querystring: detailsQuery,
        response: answers({ 200: topicDetailsResponse.describe('The topic') }, [
          ...KEY_CODES,
          ...TOKEN_CODES,
          'topic-not-found',
        ]),
      },
    },
    async (request) => {
      const { topic } = request.params;
      const principal = principalOf(request);
      if (principal.kind === 'token') requireReading(principal, topic);
      const [state] = await broker.readTopics([topic]);
      if (!state) throw noSuchTopic(topic);
      // Any API key sees how many there are, as it sees the number of subscribers.
      const seesPresence = principal.kind === 'key' || deniedTopics(principal, 'presence', [topic]).length === 0;
      const [subscribers = null, [present = null]] = await Promise.all([
        request.query.subscribers ? broker.surveySubscribers(topic) : null,
        state.presence !== null && seesPresence ? broker.countPresent([topic]) : [],
      ]);
      return { ...view(topic, state), subscribers, present };
    },
  );

  app.delete(
    '/v1/topics/:topic',
    {
      onRequest: needsKey(keys),
      config: { audit: 'delete-topic' },
      schema: {
        operationId: 'deleteTopic',
        summary: 'Delete a topic and its log',
        description: 'Connected subscribers get `unsubscribed` with the reason `topic-deleted`.',
        tags,
        security: keyed,
        params: topicPath,
        response: answers({ 200: deleteTopicResponse.describe('Deleted') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'topic-not-found',
        ]),
      },
    },
    async (request) => {
      const { topic } = request.params;
      requireTopics(principalOf(request), 'manage', [topic]);
      if (!(await broker.deleteTopic(topic))) throw noSuchTopic(topic);
      return { topic };
    },
  );
};

function view(topic: string, { history, last, expireSeconds, presence }: TopicState): z.output<typeof topicResponse> {
  return { topic, history, position: last, expireSeconds, presence };
}
