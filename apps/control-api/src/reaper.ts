import type { ControlBroker } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { ClientState } from '@holdfast/broker/client-state';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import type { RedisLink } from '@holdfast/redis/commands';
import { type ClientExpiry, lastUsed } from './clients/client-expiry.ts';
import type { KeyRing } from './auth/authentication.ts';

/** A million clients are read in half an hour, at the price of some hundred reads a second. */
const CLIENTS_MS = 1_000;
const CLIENTS_A_STEP = 500;
/** A small installation is not read all the time. */
const BETWEEN_ROUNDS_MS = 60_000;
/** How soon after the death of an edge its clients are searched for, while it is wanted how connections end. */
const DEAD_EDGES_MS = 1_000;
/** Topics are vacated so late at the most. */
const VACATED_MS = 1_000;
/** With the 10 s of a lease: a member is shown as present for less than 15 s after its edge died. */
const MEMBERS_MS = 1_000;
const RENEWING_MS = 2_500;
const LEFTOVERS_MS = 5_000;
/** A topic expires a second late, and a step takes some hundredths of a second of Redis. */
const TOPICS_MS = 1_000;
const TOPICS_A_STEP = 500;
const EVENTS_MS = 60_000;
/**
 * A control-api that has not said for so long which events it wants is gone. Not judged before this one has run as long:
 * after a failure of all they come back one after another.
 */
const SILENT_MS = 3_600_000;
/** Several control-apis that started together drift apart, and read at different places. */
const JITTER = 0.3;
/**
 * A Redis that has just come back may have forgotten which clients are connected, or since when. Edges claim their clients
 * again at once, and within 30 s what they missed: until well after that no client counts as unused.
 */
const SETTLING_MS = 60_000;
/** No registration takes this long: its process died, and no other is still at work on it. */
const ABANDONED_MS = 60_000;

interface ReaperOptions {
  readonly broker: ControlBroker;
  /** No client is unregistered until all of its connections have been ready for a while. */
  readonly redis: Pick<RedisLink, 'onReady'>;
  readonly keys: KeyRing;
  /** Clients that were not used for so long are unregistered. */
  readonly expiry: ClientExpiry;
  readonly logger: Logger;
}

/**
 * Cleans up behind processes that died, and behind clients that do not come back. Each step is atomic in Redis and
 * happens once, so several control-apis may run it without a lock. No call waits for it: an owner counts only while its
 * edge has a lease, released or not.
 * @returns the stop
 */
export function startReaper({ broker, redis, keys, expiry, logger }: ReaperOptions): () => void {
  let readyAt = performance.now();
  redis.onReady(() => {
    readyAt = performance.now();
  });
  /** Leases that ran out while Redis was away are renewed within a second or so. */
  const isRenewed = (): boolean => performance.now() - readyAt > RENEWING_MS;
  const isSettled = (): boolean => performance.now() - readyAt > SETTLING_MS;
  let cursor: string | null = null;
  let nextRound = 0;
  const reapNext = async (): Promise<void> => {
    if (performance.now() < nextRound || !isRenewed()) return;
    cursor = await reapClients(broker, cursor, isSettled() ? expiry : () => null, logger);
    if (cursor === null) nextRound = performance.now() + BETWEEN_ROUNDS_MS;
  };
  const onError = (error: unknown): void => {
    // The connection has logged already that Redis is away.
    if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'reaper failed');
  };
  const stopClients = repeat(reapNext, { intervalMs: CLIENTS_MS, jitter: JITTER, onError });
  const reapOthers = (): Promise<void> => reapLeftovers(broker, keys, logger);
  const stopLeftovers = repeat(reapOthers, { intervalMs: LEFTOVERS_MS, jitter: JITTER, onError });
  // Edges subscribe anew to a Redis that has come back: until then it does not know which topics they have.
  const expireNext = async (): Promise<void> => {
    if (isSettled()) await expireTopics(broker, logger);
  };
  const stopTopics = repeat(expireNext, { intervalMs: TOPICS_MS, jitter: JITTER, onError });
  const reapMembers = async (): Promise<void> => {
    if (!isRenewed()) return;
    const gone = await broker.reapPresence();
    if (gone > 0) logger.info({ gone }, 'members of edges that are gone');
  };
  const stopMembers = repeat(reapMembers, { intervalMs: MEMBERS_MS, jitter: JITTER, onError });
  const searchOwned = async (): Promise<void> => {
    if (isRenewed()) await releaseClientsOfDead(broker, logger);
  };
  const stopSearches = repeat(searchOwned, { intervalMs: DEAD_EDGES_MS, jitter: JITTER, onError });
  const vacate = async (): Promise<void> => {
    if (isRenewed()) await broker.vacateTopics();
  };
  const stopVacating = repeat(vacate, { intervalMs: VACATED_MS, jitter: JITTER, onError });
  const beganAt = performance.now();
  const reapEvents = async (): Promise<void> => {
    const hasRunLong = performance.now() - beganAt > SILENT_MS;
    const removed = await broker.reapEvents(hasRunLong ? SILENT_MS : null);
    if (removed) logger.info('events are not wanted any more: their streams are removed');
  };
  const stopEvents = repeat(reapEvents, { intervalMs: EVENTS_MS, jitter: JITTER, onError });
  return () => {
    stopEvents();
    stopClients();
    stopSearches();
    stopVacating();
    stopMembers();
    stopLeftovers();
    stopTopics();
  };
}

/**
 * One page of clients: restores what their users lost, releases those whose edge died, and unregisters those not used for
 * as long as `expiry` says.
 * @returns where the next page begins; null after the last
 */
export async function reapClients(
  broker: ControlBroker,
  cursor: string | null,
  expiry: ClientExpiry,
  logger: Logger,
): Promise<string | null> {
  const page = await broker.listClients(cursor, CLIENTS_A_STEP);
  const restored = await broker.restoreUsers(page.items);
  if (restored > 0) logger.warn({ restored }, 'clients restored to their users');
  const alive = await broker.alive(page.items.flatMap(({ notify }) => notify));
  const orphaned = page.items.filter(({ owner }) => owner !== null && !alive.has(owner.edge));
  await Promise.all(orphaned.map((client) => broker.markOwnerGone(client)));
  // One that was released, and whose edge has come back meanwhile, may be connected there.
  const idle = page.items.filter(({ owner, notify }) => owner === null && !notify.some((edge) => alive.has(edge)));
  await expire(broker, idle, expiry, logger);
  return page.cursor;
}

/** All clients of edges that have just died, page after page, so that it is known soon how their connections ended. */
export async function releaseClientsOfDead(broker: ControlBroker, logger: Logger): Promise<void> {
  const edges = await broker.beginSearches();
  if (edges.length === 0) return;
  let released = 0;
  let cursor: string | null = null;
  do {
    const page = await broker.listClients(cursor, CLIENTS_A_STEP);
    const alive = await broker.alive(edges.map(({ id }) => id));
    const dead = new Set(edges.map(({ id }) => id).filter((id) => !alive.has(id)));
    const orphaned = page.items.filter(({ owner }) => owner !== null && dead.has(owner.edge));
    await Promise.all(orphaned.map((client) => broker.markOwnerGone(client)));
    await broker.renewSearches(edges);
    released += orphaned.length;
    cursor = page.cursor;
  } while (cursor !== null);
  await broker.endSearches(edges);
  logger.info({ edges: edges.map(({ id }) => id), released }, 'clients of edges that died');
}

async function expire(broker: ControlBroker, idle: readonly ClientState[], expiry: ClientExpiry, logger: Logger) {
  const now = Date.now();
  const unused = idle.filter((client) => {
    const seconds = expiry(client);
    return seconds !== null && lastUsed(client) < now - seconds * 1000;
  });
  const done = await Promise.all(unused.map((client) => broker.unregisterUnused(client)));
  const expired = done.filter(Boolean).length;
  if (expired > 0) logger.info({ expired }, 'clients expired');
}

async function expireTopics(broker: ControlBroker, logger: Logger): Promise<void> {
  const expired = await broker.expireTopics(TOPICS_A_STEP);
  if (expired > 0) logger.info({ expired }, 'topics expired');
}

/**
 * Dead edges on the list, and registrations that were counted and never made. Rejects with the first failure after all
 * else has been done: on a Cluster keys are on different nodes.
 */
export async function reapLeftovers(broker: ControlBroker, keys: KeyRing, logger: Logger): Promise<void> {
  const failures: unknown[] = [];
  const attempt = (step: () => Promise<void>) => step().catch((error: unknown) => failures.push(error));
  await attempt(() => broker.reapEdges());
  for (const key of keys.ids()) {
    await attempt(async () => {
      const settled = await broker.recoverAbandoned(key, ABANDONED_MS);
      if (settled > 0) logger.warn({ key, settled }, 'recovered abandoned registrations');
    });
  }
  if (failures.length > 0) throw failures[0];
}
