import type { Page } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import type { userResponse } from '@holdfast/protocol/rest/users';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { z } from 'zod';
import { connectedOf } from '../clients/subscriptions.ts';
import { isGone } from '../limits/call-limits.ts';
import type { Services } from '../services.ts';

/** Clients that are read before other callers have their turn. */
const CLIENTS_A_TURN = 500;
/** What a user costs of a turn beside its clients. */
const USER_COST = 1;

type Reading = Pick<Services, 'broker' | 'bulkBroker' | 'bulkReads'>;
type Status = z.output<typeof userResponse>;

/** Whether users are there, in the order given; read in turns, as one may have very many clients. */
export async function statusOf(
  { broker, bulkBroker, bulkReads }: Reading,
  users: readonly string[],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Status[]> {
  request.holdBytes(MAX_PAGE_BYTES);
  const clients = await broker.countClientsOf(users);
  const connections = new Map<string, number>();
  const left = [...new Set(users.filter((_, index) => clients[index] !== 0))].map(fromTheBeginning);

  const readNext = async (): Promise<void> => {
    for (let room = CLIENTS_A_TURN; room > 0 && left.length > 0;) {
      const next = left[0];
      if (next === undefined) break;
      const page = await bulkBroker.listClientsOf(next.user, next.cursor, room);
      const connected = await connectedOf(broker, page.items);
      connections.set(next.user, (connections.get(next.user) ?? 0) + connected.size);
      room -= page.items.length + USER_COST;
      if (page.cursor === null) left.shift();
      else next.cursor = page.cursor;
    }
  };
  while (left.length > 0) await bulkReads.run(request.caller, () => isGone(reply), readNext);

  return users.map((user, index) => {
    const open = connections.get(user) ?? 0;
    return { user, connected: open > 0, clients: clients[index] ?? 0, connections: open };
  });
}

function fromTheBeginning(user: string): { user: string; cursor: string | null } {
  return { user, cursor: null };
}

/**
 * Does something with each client of a user, page by page; also when the caller has hung up meanwhile. It takes no turn
 * among the large reads, for what it does is urgent, and few may ask for it.
 */
export async function forEachPage(
  { broker }: Pick<Services, 'broker'>,
  user: string,
  request: FastifyRequest,
  act: (clients: readonly ClientState[]) => Promise<void>,
): Promise<void> {
  request.holdBytes(MAX_PAGE_BYTES);
  let cursor: string | null = null;
  do {
    const page: Page<ClientState> = await broker.listClientsOf(user, cursor, CLIENTS_A_TURN);
    await act(page.items);
    ({ cursor } = page);
  } while (cursor !== null);
}
