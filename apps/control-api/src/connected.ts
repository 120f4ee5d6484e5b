import type { Edges } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';

/** Which of the clients are connected: an owner is believed only while its edge lives. Asks once for all. */
export async function whoIsConnected(broker: Edges, clients: readonly ClientState[]): Promise<Set<ClientState>> {
  const alive = await broker.alive(clients.flatMap(({ owner }) => owner?.edge ?? []));
  return new Set(clients.filter(({ owner }) => owner !== null && alive.has(owner.edge)));
}

/** Rejects with `RedisUnavailable`. */
export async function isConnected(broker: Edges, client: ClientState): Promise<boolean> {
  return (await whoIsConnected(broker, [client])).has(client);
}
