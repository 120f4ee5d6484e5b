import type { ControlBroker, ServedClient } from '@holdfast/broker/broker';
import { type ClientState, connectionName } from '@holdfast/broker/client-state';
import type { clientResponse, clientsResponse, disconnectResponse, served } from '@holdfast/protocol/rest/clients';
import type { z } from 'zod';
import { isConnected, whoIsConnected } from './connected.ts';
import type { ChargeTopics } from './limits/client-rates.ts';
import { ProblemError } from './problem-error.ts';
import type { BulkBroker } from './services.ts';
import { currentTopics, readStates } from './topic-states.ts';

/**
 * What a client wants, and what its edge really serves to it.
 * @throws {ProblemError} client-not-found
 */
export async function describeClient(
  broker: ControlBroker,
  clientId: string,
  charge: ChargeTopics,
): Promise<z.output<typeof clientResponse>> {
  const client = await broker.readClient(clientId);
  if (client === null) throw new ProblemError('client-not-found');
  charge(client.topics.size);
  const [states, answer] = await Promise.all([readStates(broker, client.topics.keys()), askEdge(broker, client)]);
  const owner = answer.connected ? client.owner : null;
  return {
    clientId,
    name: client.name,
    key: client.key,
    registeredAt: timeText(client.registeredAt),
    topics: currentTopics(client, states),
    connected: answer.connected,
    edge: owner?.edge ?? null,
    connection:
      owner === null ? null : `${owner.edge}-${answer.served?.connection ?? connectionName(owner.generation)}`,
    // Of an edge that died nobody knows when.
    since: client.owner !== null && owner === null ? null : timeText(client.since),
    served: answer.served === null ? null : servedTopics(answer.served),
  };
}

/** One page of all clients, in the order of their ids. */
export async function listClients(
  broker: ControlBroker,
  bulkBroker: BulkBroker,
  cursor: string | null,
  limit: number,
): Promise<z.output<typeof clientsResponse>> {
  const page = await bulkBroker.listClients(cursor, limit);
  const [states, connected] = await Promise.all([
    readStates(bulkBroker, ...page.items.map(({ topics }) => topics.keys())),
    whoIsConnected(broker, page.items),
  ]);
  const clients = page.items.map((client) => ({
    clientId: client.clientId,
    name: client.name,
    key: client.key,
    topics: currentTopics(client, states),
    connected: connected.has(client),
  }));
  return { clients, cursor: page.cursor };
}

/**
 * Has a client's connection closed, and tells whether there was one.
 * @throws {ProblemError} client-not-found
 */
export async function disconnectClient(
  broker: ControlBroker,
  clientId: string,
): Promise<z.output<typeof disconnectResponse>> {
  const client = await broker.readClient(clientId);
  const [outcome, edgeLives] = await Promise.all([
    broker.disconnect(clientId),
    client !== null && isConnected(broker, client),
  ]);
  if (outcome === null) throw new ProblemError('client-not-found');
  return { clientId, connected: outcome.connected && edgeLives };
}

/** The edge has the last word: the owner in Redis may be older than the end of the connection. */
async function askEdge(
  broker: ControlBroker,
  client: ClientState,
): Promise<{ connected: boolean; served: ServedClient | null }> {
  const { owner } = client;
  if (owner === null || !(await isConnected(broker, client))) return { connected: false, served: null };
  const served = await broker.askServed(owner.edge, client.clientId);
  // It lives and did not answer: what Redis knows counts.
  if (served === undefined) return { connected: true, served: null };
  if (served === null || served.generation < owner.generation) return { connected: false, served: null };
  return { connected: true, served };
}

function servedTopics({ topics }: ServedClient): z.output<typeof served> {
  return Object.fromEntries(Object.entries(topics).map(([topic, position]) => [topic, { position }]));
}

function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
