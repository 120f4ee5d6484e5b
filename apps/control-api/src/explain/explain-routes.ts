import { clientIdOrRef } from '@holdfast/protocol/client-id';
import { position } from '@holdfast/protocol/positions';
import { explainResponse } from '@holdfast/protocol/rest/explain';
import { deliveredTopic } from '@holdfast/protocol/topic-name';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { managedClient } from '../clients/named-client.ts';
import { KEY_CODES, answers, keyed } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { gatherFacts } from './facts.ts';
import { judge } from './verdict.ts';

/** Why a client got a message, or did not. */
export const explainRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys }) => {
  app.get(
    '/v1/explain',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'explain',
        summary: 'Why a client got a message, or did not',
        description:
          'Takes up to 1.5 s when an edge does not answer. `unknown` says what could not be found out. ' +
          'A key explains its own clients, one with `"manage": ["**"]` all.',
        tags: ['operations'],
        security: keyed,
        querystring: z.strictObject({
          client: clientIdOrRef,
          topic: deliveredTopic.describe('A topic; `@me` and `@user` for messages to the client, or to its user'),
          id: position.describe('The id of the message, from the answer to its publish'),
        }),
        response: answers({ 200: explainResponse.describe('The verdict, and what it rests on') }, [
          ...KEY_CODES,
          'client-not-found',
          'topic-not-found',
        ]),
      },
    },
    async (request) => {
      const { client: named, topic, id } = request.query;
      const { client } = await managedClient(broker, named, keyOf(request), 'client-not-found');
      return judge(await gatherFacts({ broker }, client, topic, id));
    },
  );
};
