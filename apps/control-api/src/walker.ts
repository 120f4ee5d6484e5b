import type { ControlBroker } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import type { RedisLink } from '@holdfast/redis/commands';

/** A million clients are seen in half an hour, at the price of some hundred reads a second. */
const STEP_MS = 1_000;
const CLIENTS_A_STEP = 500;
/** A small installation is not looked through all the time. */
const BETWEEN_ROUNDS_MS = 60_000;
/** Several control-apis walk at different places. */
const JITTER = 0.3;
/**
 * A Redis that has just come back may have forgotten who is connected, or since when. Edges claim their clients again at
 * once, and within 30 s what they missed: until well after that no client counts as unused.
 */
const SETTLING_MS = 60_000;

/**
 * Walks through all clients, again and again: gives up those whose edge died with them, and unregisters those that
 * nobody has used for `expiryMs` (null: never). Nothing that is asked of an API waits for it: an owner is believed only
 * while its edge lives, walked past or not.
 * @param redis its connections, of which it must have had all for a while before a client is unregistered
 * @returns the stop
 */
export function startWalking(
  broker: ControlBroker,
  redis: Pick<RedisLink, 'onReady'>,
  expiryMs: number | null,
  logger: Logger,
): () => void {
  let readyAt = performance.now();
  redis.onReady(() => {
    readyAt = performance.now();
  });
  let cursor: string | null = null;
  let nextRound = 0;
  return repeat(
    async () => {
      if (performance.now() < nextRound) return;
      const isSettled = performance.now() - readyAt > SETTLING_MS;
      cursor = await walk(broker, cursor, isSettled ? expiryMs : null, logger);
      if (cursor === null) nextRound = performance.now() + BETWEEN_ROUNDS_MS;
    },
    {
      intervalMs: STEP_MS,
      jitter: JITTER,
      onError: (error) => {
        // The connection has told already that Redis is away.
        if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'walk failed');
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
  const alive = await broker.alive(page.items.flatMap(({ notify }) => notify));
  const gone = page.items.filter(({ owner }) => owner !== null && !alive.has(owner.edge));
  await Promise.all(gone.map((client) => broker.releaseOwner(client)));
  // One that was given up, and whose edge has come back meanwhile, may be connected there.
  const left = page.items.filter(({ owner, notify }) => owner === null && !notify.some((edge) => alive.has(edge)));
  if (expiryMs !== null) await expire(broker, left, Date.now() - expiryMs, logger);
  return page.cursor;
}

async function expire(broker: ControlBroker, clients: readonly ClientState[], due: number, logger: Logger) {
  const unused = clients.filter(({ since }) => since < due);
  const done = await Promise.all(unused.map((client) => broker.unregisterUnused(client)));
  const expired = done.filter(Boolean).length;
  if (expired > 0) logger.info({ expired }, 'unregistered clients that nobody used');
}
