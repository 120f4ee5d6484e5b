import type { ControlBroker, NewClient, RegisterOutcome } from '@holdfast/broker/broker';
import { isRefusedByMove } from '@holdfast/redis/unavailable';
import { v4 as randomUuid } from 'uuid';

/** Of a Cluster's slots few move at a time. */
const MAX_IDS = 3;

/**
 * Registers a client under an id of its own. While the slot of one moves to another node, and events are wanted,
 * no client can be made there: another id is taken.
 */
export async function registerNew(
  broker: Pick<ControlBroker, 'register'>,
  client: Omit<NewClient, 'clientId'>,
  maxClients: number | null,
): Promise<{ clientId: string; outcome: RegisterOutcome }> {
  for (let ids = 1; ; ids += 1) {
    const clientId = randomUuid();
    try {
      return { clientId, outcome: await broker.register({ ...client, clientId }, maxClients) };
    } catch (error) {
      if (ids === MAX_IDS || !isRefusedByMove(error)) throw error;
    }
  }
}
