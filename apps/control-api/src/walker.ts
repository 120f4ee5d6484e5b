import type { ControlBroker } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { BrokerUnavailable } from '@holdfast/broker/broker-unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import { whoIsConnected } from './connected.ts';

/** A million clients are seen in half an hour, at the price of some hundred reads a second. */
const STEP_MS = 1_000;
const CLIENTS_A_STEP = 500;
/** A small installation is not looked through all the time. */
const BETWEEN_ROUNDS_MS = 60_000;
/** Several control-apis walk at different places. */
const JITTER = 0.3;

/**
 * Walks through all clients, again and again: gives up those whose edge died with them, and unregisters those that
 * nobody has used for `expiryMs` (null: never). Nothing that is asked of an API waits for it: an owner is believed only
 * while its edge lives, walked past or not.
 * @returns the stop
 */
export function startWalking(broker: ControlBroker, expiryMs: number | null, logger: Logger): () => void {
  let cursor: string | null = null;
  let nextRound = 0;
  return repeat(
    async () => {
      if (performance.now() < nextRound) return;
      cursor = await walk(broker, cursor, expiryMs, logger);
      if (cursor === null) nextRound = performance.now() + BETWEEN_ROUNDS_MS;
    },
    {
      intervalMs: STEP_MS,
      jitter: JITTER,
      onError: (error) => {
        // The connection has told already that Redis is away.
        if (!(error instanceof BrokerUnavailable)) logger.error({ err: error }, 'walk failed');
      },
    },
  );
}

/** One step; gives where the next one begins. */
export async function walk(
  broker: ControlBroker,
  cursor: string | null,
  expiryMs: number | null,
  logger: Logger,
): Promise<string | null> {
  const page = await broker.listClients(cursor, CLIENTS_A_STEP);
  const connected = await whoIsConnected(broker, page.items);
  const left = page.items.filter((client) => !connected.has(client));
  await Promise.all(left.filter(({ owner }) => owner !== null).map((client) => broker.giveUp(client)));
  if (expiryMs !== null) await expire(broker, left, Date.now() - expiryMs, logger);
  return page.cursor;
}

async function expire(broker: ControlBroker, clients: readonly ClientState[], due: number, logger: Logger) {
  // Who was just given up has been used until its edge died, whenever that was.
  const unused = clients.filter(({ owner, since }) => owner === null && since < due);
  const done = await Promise.all(unused.map((client) => broker.unregisterUnused(client)));
  const expired = done.filter(Boolean).length;
  if (expired > 0) logger.info({ expired }, 'unregistered clients that nobody used');
}
