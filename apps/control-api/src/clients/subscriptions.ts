import type { Edges, TopicChange } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { MAX_TOPICS } from '@holdfast/protocol/limits';
import type { topicsResponse } from '@holdfast/protocol/rest/clients';
import type { z } from 'zod';
import { requireTopics } from '../auth/authorization.ts';
import { ProblemError } from '../http/problem-error.ts';
import type { FastifyRequest } from 'fastify';
import type { Services } from '../services.ts';
import { ensureTopics } from '../topics/create-on-demand.ts';
import {
  type TopicStates,
  startsNow,
  currentTopics,
  readStates,
  requireExisting,
  staleTopics,
  topicsOf,
} from '../topics/topic-states.ts';
import { principalOfCall, requireOwnClient } from './own-client.ts';

type Answer = z.output<typeof topicsResponse>;

/** Of the request: what the call was made with, and what it is charged to. */
type Caller = Pick<FastifyRequest, 'token' | 'chargeTopics'>;

/**
 * Subscribes a client to all of the topics, or to none.
 * @throws {ProblemError} unknown-client, not-permitted, token-expired, token-revoked, topic-not-found,
 *   topic-quota-reached, history-quota-reached or too-many-topics
 */
export async function subscribe(
  services: Services,
  clientId: string,
  topics: readonly string[],
  { token, chargeTopics }: Caller,
): Promise<Answer> {
  const client = await knownClient(services, clientId);
  const principal = principalOfCall(services.keys, client, token);
  chargeTopics(client.topics.size + topics.length);
  requireTopics(principal, 'subscribe', topics);
  const found = await readStates(services.broker, topics, topicsOf(client));
  const states = await ensureTopics(services, principal, found, topics);
  const add = startsNow(states, topics);
  return change(services, clientId, states, { add, stale: staleTopics(client, states) });
}

/**
 * Ends a client's subscriptions to the topics; to leave needs no right.
 * @throws {ProblemError} unknown-client, not-permitted, token-expired, token-revoked or topic-not-found
 */
export async function unsubscribe(
  services: Services,
  clientId: string,
  topics: readonly string[],
  { token, chargeTopics }: Caller,
): Promise<Answer> {
  const client = await knownClient(services, clientId);
  requireOwnClient(client, token);
  chargeTopics(client.topics.size + topics.length);
  const states = await readStates(services.broker, topics, topicsOf(client));
  const stale = staleTopics(client, states);
  try {
    // One that has expired can be left as long as it is had.
    const had = new Set(currentTopics(client, states));
    requireExisting(
      states,
      topics.filter((topic) => !had.has(topic)),
    );
  } catch (error) {
    // Subscriptions to topics that were deleted are removed all the same.
    if (stale.size > 0) await services.broker.changeTopics(clientId, { stale });
    throw error;
  }
  const endsAt = new Map(topics.map((topic) => [topic, states.get(topic)?.last ?? '']));
  return change(services, clientId, states, { remove: topics, endsAt, stale });
}

async function knownClient({ broker }: Services, clientId: string): Promise<ClientState> {
  const client = await broker.readClient(clientId);
  if (client === null) throw new ProblemError('unknown-client');
  return client;
}

async function change(
  { broker }: Services,
  clientId: string,
  states: TopicStates,
  topics: TopicChange,
): Promise<Answer> {
  const outcome = await broker.changeTopics(clientId, topics);
  if (outcome.kind === 'not-found') throw new ProblemError('unknown-client');
  if (outcome.kind === 'too-many') {
    throw new ProblemError('too-many-topics', { detail: `A client may have ${MAX_TOPICS} topics` });
  }
  const { client } = outcome;
  return { clientId, topics: currentTopics(client, states), connected: await isConnected(broker, client) };
}

/** The connected ones of the clients, by one read: an owner counts only while its edge has a lease. */
export async function connectedOf(broker: Edges, clients: readonly ClientState[]): Promise<Set<ClientState>> {
  const alive = await broker.alive(clients.flatMap(({ owner }) => owner?.edge ?? []));
  return new Set(clients.filter(({ owner }) => owner !== null && alive.has(owner.edge)));
}

/** Rejects with `RedisUnavailable`. */
export async function isConnected(broker: Edges, client: ClientState): Promise<boolean> {
  return (await connectedOf(broker, [client])).has(client);
}
