import type { ControlBroker, RegisterOutcome } from '@holdfast/broker/broker';
import type { ApiKey } from '@holdfast/protocol/api-key';
import type { registerRequest, registerResponse } from '@holdfast/protocol/rest/clients';
import type { z } from 'zod';
import { ProblemError } from '../http/problem-error.ts';
import { requireTopics } from '../auth/authorization.ts';
import { principalOfKey } from '../auth/principal.ts';
import type { Services } from '../services.ts';
import { identityOf } from './client-identity.ts';
import { registerNew } from './new-client.ts';
import { ensureTopics } from '../topics/create-on-demand.ts';
import { startsNow, readStates } from '../topics/topic-states.ts';

type Request = NonNullable<z.output<typeof registerRequest>>;

/**
 * Registers a client with its subscriptions, or does nothing.
 * @throws {ProblemError} not-permitted, topic-not-found, topic-quota-reached, history-quota-reached, client-exists,
 *   name-taken or quota-reached
 */
export async function register(
  services: Services,
  key: ApiKey,
  request: Request,
): Promise<z.output<typeof registerResponse>> {
  const { broker, edges, counts } = services;
  const topics = request.topics ?? [];
  const identity = identityOf(key, request);
  // In the key's name, for the client: `{user}` is that of the client.
  const principal = { ...principalOfKey(key), user: identity.user };
  requireTopics(principal, 'subscribe', topics);
  const [states, connect] = await Promise.all([
    readStates(broker, topics),
    // Read before the client is made: a failure here must not leave a client whose id no caller has.
    edges.connectInfo(),
  ]);
  const starts = startsNow(await ensureTopics(services, principal, states, topics), topics);

  const name = request.name ?? null;
  const client = { key: key.id, name, registeredAt: Date.now(), topics: starts, identity };
  const given = request.clientId;
  const attempt = async () =>
    given === undefined
      ? registerNew(broker, client, key.maxClients)
      : { clientId: given, outcome: await broker.register({ ...client, clientId: given }, key.maxClients) };
  let { clientId, outcome } = await attempt();
  if (outcome === 'name-taken' && name !== null && (await freeLostName(broker, key.id, name))) {
    ({ clientId, outcome } = await attempt());
  }
  counts.registrations.inc({ outcome });
  if (outcome !== 'registered') throw registrationRefusal(outcome, key, name);
  return { clientId, name, topics: topics.toSorted(), connect };
}

/** A fail-over of its Cluster node may have lost a client, while the node of its key has kept the name. True when it is free. */
async function freeLostName(broker: ControlBroker, key: string, name: string): Promise<boolean> {
  const clientId = await broker.findByName(key, name);
  return clientId === null || broker.releaseLostName(key, name, clientId);
}

export function registrationRefusal(
  code: Exclude<RegisterOutcome, 'registered'>,
  key: ApiKey,
  name: string | null,
): ProblemError {
  const details = {
    'client-exists': 'The clientId is registered already',
    'name-taken': `A client of the API key "${key.id}" is named ${JSON.stringify(name)} already`,
    'quota-reached': `The API key "${key.id}" may have ${key.maxClients} clients, and has them`,
  };
  return new ProblemError(code, { detail: details[code] });
}
