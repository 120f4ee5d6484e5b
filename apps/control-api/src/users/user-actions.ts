import type { ApiKey } from '@holdfast/protocol/api-key';
import { MAX_TOKEN_SECONDS, TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import type { disconnectUserResponse, revokeResponse } from '@holdfast/protocol/rest/users';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { mayManageClientsOf } from '../auth/authorization.ts';
import { connectedOf } from '../clients/subscriptions.ts';
import { ProblemError } from '../http/problem-error.ts';
import type { Services } from '../services.ts';
import { forEachPage } from './user-connections.ts';

type RequestOfUser = FastifyRequest<{ Params: { user: string } }>;

/** Has the connections closed of those clients of a user that the key manages. */
export async function disconnectUser(
  services: Services,
  key: ApiKey,
  request: RequestOfUser,
): Promise<z.output<typeof disconnectUserResponse>> {
  const { broker } = services;
  const { user } = request.params;
  const ended = { user, clients: 0, connections: 0 };
  await forEachPage(services, user, request, async (clients) => {
    const managed = clients.filter((client) => mayManageClientsOf(key, client.key));
    const [connected, outcomes] = await Promise.all([
      connectedOf(broker, managed),
      Promise.all(managed.map(({ clientId }) => broker.disconnect(clientId))),
    ]);
    ended.clients += managed.length;
    ended.connections += managed.filter(
      (client, index) => connected.has(client) && outcomes[index]?.connected === true,
    ).length;
  });
  return ended;
}

/** How long a revocation is kept: as long as any token may be valid, by the clock of whoever issued it. */
const KEPT_SECONDS = MAX_TOKEN_SECONDS + 2 * TOKEN_LEEWAY_SECONDS;

/**
 * Refuses tokens of a user from now on, and ends the authorization of clients that have one.
 * @param issuedBefore in milliseconds since the epoch
 * @throws {ProblemError} invalid-request for a time that is yet to come
 */
export async function revokeUser(
  services: Services,
  key: ApiKey,
  issuedBefore: number,
  request: RequestOfUser,
): Promise<z.output<typeof revokeResponse>> {
  // By the caller's clock it may be now.
  if (issuedBefore > Date.now() + TOKEN_LEEWAY_SECONDS * 1000) {
    const errors = [{ field: 'body.issuedBefore', rule: 'must not be in the future' }];
    throw new ProblemError('invalid-request', { errors });
  }
  const { broker } = services;
  const { user } = request.params;
  const ofAll = key.can.manage.includes('**');
  // First: a client that is registered by such a token meanwhile finds it, or is found below.
  await broker.revokeTokens(user, ofAll ? null : [key.id], Math.ceil(issuedBefore), KEPT_SECONDS);
  let ended = 0;
  await forEachPage(services, user, request, async (clients) => {
    const meant = clients.filter((client) => client.identity.token !== null && mayManageClientsOf(key, client.key));
    const outcomes = await Promise.all(meant.map(({ clientId }) => broker.revokeClient(clientId, issuedBefore)));
    ended += outcomes.filter(Boolean).length;
  });
  return { user, clients: ended };
}
