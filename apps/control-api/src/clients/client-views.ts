import type { ControlBroker, Page, ServedClient } from '@holdfast/broker/broker';
import { type ClientState, connectionName } from '@holdfast/broker/client-state';
import { isUserTopic } from '@holdfast/broker/user-topic';
import type { ApiKey } from '@holdfast/protocol/api-key';
import type { clientResponse, clientsResponse, disconnectResponse, served } from '@holdfast/protocol/rest/clients';
import { USER_TOPIC } from '@holdfast/protocol/topic-name';
import type { z } from 'zod';
import { isConnected, connectedOf } from './subscriptions.ts';
import type { ChargeTopics } from '../limits/client-rates.ts';
import type { NamedClient } from './named-client.ts';
import { ProblemError } from '../http/problem-error.ts';
import type { BulkBroker, Services } from '../services.ts';
import { currentTopics, readStates, topicsOf } from '../topics/topic-states.ts';

/** A client's subscriptions, and what its edge serves to it. */
export async function describeClient(
  { broker, clientExpiry }: Pick<Services, 'broker' | 'clientExpiry'>,
  { client, ref, shownId }: NamedClient,
  charge: ChargeTopics,
): Promise<z.output<typeof clientResponse>> {
  charge(client.topics.size);
  const [states, answer] = await Promise.all([readStates(broker, topicsOf(client)), askEdge(broker, client)]);
  const owner = answer.connected ? client.owner : null;
  return {
    ...shownId,
    ref,
    name: client.name,
    key: client.key,
    registeredAt: timeText(client.registeredAt),
    topics: currentTopics(client, states),
    connected: answer.connected,
    edge: owner?.edge ?? null,
    connection:
      owner === null ? null : `${owner.edge}-${answer.served?.connection ?? connectionName(owner.generation)}`,
    // When an edge died is not known.
    since: client.owner !== null && owner === null ? null : timeText(client.since),
    ...identityOf(client),
    clientExpirySeconds: clientExpiry(client),
    served: answer.served === null ? null : servedTopics(answer.served),
  };
}

function identityOf({ identity: { user, info, may, token } }: ClientState) {
  return {
    user,
    info: info === null ? null : (JSON.parse(info) as unknown),
    may,
    expiresAt: token === null ? null : timeText(token.expiresAt),
  };
}

export interface ClientsPage {
  /** Whose clients; those of all when not given. */
  user: string | undefined;
  /** The client of this name alone, of the caller's key. */
  name: string | undefined;
  cursor: string | null;
  limit: number;
}

/** One page of clients, in the order of their ids; with the ids of those that were registered with the caller's key. */
export async function listClients(
  broker: ControlBroker,
  bulkBroker: BulkBroker,
  key: ApiKey,
  { user, name, cursor, limit }: ClientsPage,
): Promise<z.output<typeof clientsResponse>> {
  async function pageOf(): Promise<Page<ClientState>> {
    if (name !== undefined) return { items: await namedClients(broker, key, name, user), cursor: null };
    return user === undefined ? bulkBroker.listClients(after, limit) : bulkBroker.listClientsOf(user, after, limit);
  }
  const after = cursor === null ? null : await broker.clientIdOfCursor(cursor);
  const page = await pageOf();
  const [states, connected, refs, next] = await Promise.all([
    readStates(bulkBroker, ...page.items.map(topicsOf)),
    connectedOf(broker, page.items),
    broker.refsOf(page.items.map(({ clientId }) => clientId)),
    page.cursor === null ? null : broker.cursorOf(page.cursor),
  ]);
  const clients = page.items.map((client, index) => ({
    ref: refs[index] ?? '',
    ...(client.key === key.id ? { clientId: client.clientId } : {}),
    name: client.name,
    key: client.key,
    topics: currentTopics(client, states),
    connected: connected.has(client),
    user: client.identity.user,
  }));
  return { clients, cursor: next };
}

/** The client of the key with that name, and of that user where one is given; empty when there is none. */
async function namedClients(
  broker: ControlBroker,
  key: ApiKey,
  name: string,
  user: string | undefined,
): Promise<ClientState[]> {
  const clientId = await broker.findByName(key.id, name);
  const client = clientId === null ? null : await broker.readClient(clientId);
  // A name may be reserved for a client that is not there yet, or not any more.
  return client?.name === name && (user === undefined || client.identity.user === user) ? [client] : [];
}

/**
 * Has a client's connection closed, and answers whether there was one.
 * @throws {ProblemError} client-not-found
 */
export async function disconnectClient(
  broker: ControlBroker,
  { client, ref, shownId }: NamedClient,
): Promise<z.output<typeof disconnectResponse>> {
  const [outcome, edgeLives] = await Promise.all([broker.disconnect(client.clientId), isConnected(broker, client)]);
  if (outcome === null) throw new ProblemError('client-not-found');
  return { ...shownId, ref, connected: outcome.connected && edgeLives };
}

/** The edge's answer takes precedence: its connection may have ended after the owner in Redis was written. */
async function askEdge(
  broker: ControlBroker,
  client: ClientState,
): Promise<{ connected: boolean; served: ServedClient | null }> {
  const { owner } = client;
  if (owner === null || !(await isConnected(broker, client))) return { connected: false, served: null };
  const served = await broker.surveyServed(owner.edge, client.clientId);
  // It has a lease and did not answer: what Redis knows counts.
  if (served === undefined) return { connected: true, served: null };
  if (served === null || served.generation < owner.generation) return { connected: false, served: null };
  return { connected: true, served };
}

function servedTopics({ topics }: ServedClient): z.output<typeof served> {
  return Object.fromEntries(
    Object.entries(topics).map(([topic, position]) => [isUserTopic(topic) ? USER_TOPIC : topic, { position }]),
  );
}

function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
