import type { PastConnection } from '@holdfast/broker/evidence';
import { pastConnectionsResponse } from '@holdfast/protocol/rest/clients';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { keyOf, needsKey } from '../auth/authorization.ts';
import { claimTime } from '../explain/connection-account.ts';
import { KEY_CODES, answers, keyed, namedClientPath } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { managedClient } from './named-client.ts';

/** The connections that a client had. */
export const pastConnectionRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys }) => {
  app.get(
    '/v1/clients/:clientId/connections',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'listPastConnections',
        summary: 'List the connections that a client had',
        description:
          'How each ended, and whether it resumed. A key sees those of its own clients, one with `"manage": ["**"]` of all.',
        tags: ['clients'],
        security: keyed,
        params: namedClientPath,
        response: answers({ 200: pastConnectionsResponse.describe('The connections that ended') }, [
          ...KEY_CODES,
          'client-not-found',
        ]),
      },
    },
    async (request) => {
      const { client } = await managedClient(broker, request.params.clientId, keyOf(request), 'client-not-found');
      const { past } = await broker.readEvidence(client.clientId);
      return { connections: past.toSorted((a, b) => b.to - a.to).map(describe) };
    },
  );
};

function describe({ edge, connection, to, reason, end }: PastConnection) {
  return {
    connection: `${edge}-${connection}`,
    edge,
    from: new Date(claimTime(connection)).toISOString(),
    to: new Date(to).toISOString(),
    reason,
    resumed: end?.resumed ?? null,
    lost: end?.lost.length ?? null,
  };
}
