import { jitteredDelay } from '@holdfast/service/backoff';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { Redis } from 'ioredis';
import {
  type Address,
  COMMAND_TIMEOUT_MS,
  type DirectTarget,
  RETRY,
  addressOf,
  describe,
  describeNode,
  nodeAddress,
} from './address.ts';
import type { RedisAccess, RedisNode } from './config.ts';
import { RedisRefusals, type RedisIncidents, logIncidents } from './incidents.ts';

const CONNECT_TIMEOUT_MS = 3_000;
/** A connection whose commands time out one after the other is cut, not only slow: replace it. */
const SOCKET_TIMEOUT_MS = 2 * COMMAND_TIMEOUT_MS;
/** How long a close waits for the other side before it is enforced; a dead peer never answers. */
const DISCONNECT_TIMEOUT_MS = 500;
const KEEP_ALIVE_MS = 10_000;
/**
 * A read-only replica may have been the master until now, and its name may lead to the new one: so long between two looks
 * where it leads. Each costs what is under way on the connection.
 */
const READONLY_RECONNECT_MS = 1_000;
/** How often a process that waits for Redis at its start logs that again. */
const REMIND_MS = 30_000;

export interface ConnectRedisOptions {
  /** Shown in Redis' CLIENT LIST and in log lines. */
  readonly name: string;
  /** `subscriber` for pub/sub; its owner subscribes again after each `ready`. */
  readonly role: 'commands' | 'subscriber';
  readonly logger: Logger;
}

/**
 * Opens a connection that comes back by itself. It never keeps a command for later and never sends one twice: while
 * it is down commands are rejected at once, and those under way when it breaks are rejected, with their outcome
 * unknown. A command without an answer is rejected after two seconds.
 *
 * Subscriptions are not renewed by the connection: what was missed meanwhile must be fetched first, and only the
 * subscriber knows how.
 */
export function connectRedis(target: DirectTarget, options: ConnectRedisOptions): Redis {
  return open(addressOf(target), describe(target), options);
}

/** The same, to one node of a Cluster. */
export function connectNode(node: RedisNode, access: RedisAccess, options: ConnectRedisOptions): Redis {
  return open(nodeAddress(node, access), describeNode(node), options);
}

function open(address: Address, shown: string, { name, role, logger }: ConnectRedisOptions): Redis {
  let incidents: RedisIncidents | undefined;
  const fields = { connection: name, redis: shown };
  const refusals = new RedisRefusals(logger, fields);
  let reconnectedAt = -Infinity;
  const redis = new Redis({
    ...address,
    connectionName: name,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // Zero flushes what is under way at the first close. Null would keep it, and any other number sends it again.
    maxRetriesPerRequest: 0,
    // ioredis puts SSUBSCRIBE into pipelines too, where its several answers do not belong.
    enableAutoPipelining: role === 'commands',
    retryStrategy: (attempt) => jitteredDelay(RETRY, attempt),
    // Called with every error that Redis answers.
    reconnectOnError(error) {
      refusals.note(error);
      // A master that became a replica: the name or the Sentinels lead to the new one. The command itself fails (1).
      if (!error.message.startsWith('READONLY')) return false;
      if (performance.now() - reconnectedAt < READONLY_RECONNECT_MS) return false;
      reconnectedAt = performance.now();
      incidents?.reconnecting();
      return 1;
    },
  });
  requireDatabase(redis);
  incidents = logIncidents(redis, logger, fields);
  return redis;
}

export interface WaitForRedisOptions {
  readonly logger: Logger;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
  /** How often to log that it still waits, in milliseconds. */
  readonly remindMs?: number;
}

/**
 * Waits until the connection is ready; the connection itself tries again and again meanwhile. Logs that it waits when
 * the first attempt has failed, and then every 30 seconds.
 * @throws the signal's reason when it aborts; an Error when the connection was closed on purpose
 */
export async function waitForRedis(redis: Redis, options: WaitForRedisOptions): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (redis.status === 'ready') return;
  if (redis.status === 'end') throw new Error('The Redis connection was closed while waiting for it');

  let reason = 'not connected yet';
  const reminder = remind(() => reason, options);
  const onError = (error: Error): void => {
    reason = reasonOf(error);
    reminder.logOnce();
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onEnd = (): void => reject(new Error('The Redis connection was closed while waiting for it'));
  const onAbort = (): void => reject(signal?.reason);

  redis.on('error', onError).on('ready', resolve).on('end', onEnd);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    reminder.stop();
    redis.off('error', onError).off('ready', resolve).off('end', onEnd);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Logs that it waits: once by `logOnce`, and every `remindMs`. */
export function remind(reason: () => string, { logger, remindMs = REMIND_MS }: WaitForRedisOptions) {
  const startedAt = performance.now();
  let logged = false;
  const log = (): void => {
    logged = true;
    logger.warn({ reason: reason(), waitedMs: Math.round(performance.now() - startedAt) }, 'waiting for redis');
  };
  const timer = setInterval(log, remindMs);
  return {
    logOnce: (): void => {
      if (!logged) log();
    },
    stop: (): void => clearInterval(timer),
  };
}

/**
 * Closes a connection for good: after the answers to what is under way when it is up, at once when it is not. Never
 * throws, so that a shutdown does not fail because Redis is away.
 */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') {
    redis.disconnect();
    return;
  }
  // QUIT does not go through the automatic pipeline and would overtake what waits there; a PING comes after it.
  await redis
    .ping()
    .then(() => redis.quit())
    .catch(() => redis.disconnect());
}

type ReadyCheck = (callback: (error: Error | null, info?: unknown) => void) => void;

/**
 * Keeps a connection from being ready before Redis has confirmed its database. ioredis 6.0.0 sends SELECT with the rest
 * of its handshake and only reports that it was refused: commands then go to database 0, where another installation may
 * live. Here a refusal is a failed connection: its reason goes to the listeners of `error`, and it is tried again.
 */
function requireDatabase(redis: Redis): void {
  const { db = 0 } = redis.options;
  if (db === 0) return;
  // Not in the typings. redis-database.redis.test.ts fails when another version of ioredis has it no more.
  const check = (Reflect.get(redis, '_readyCheck') as ReadyCheck).bind(redis);
  const checkInDatabase: ReadyCheck = (callback) => {
    const selected = redis.select(db, (error) => {
      if (error) callback(new WrongDatabase(db, error));
      else check(callback);
    });
    // The callback has it.
    selected.catch(() => undefined);
  };
  Reflect.set(redis, '_readyCheck', checkInDatabase);
}

class WrongDatabase extends Error {
  constructor(database: number, cause: Error) {
    super(`database ${database} of REDIS_URL cannot be used: ${cause.message}`, {
      cause,
    });
    this.name = 'WrongDatabase';
  }
}
