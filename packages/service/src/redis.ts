import { Redis, type RedisOptions } from 'ioredis';
import { jitteredDelay } from './backoff.ts';
import { ConfigError, maskCredentials } from './config.ts';
import { reasonOf } from './error-fields.ts';
import type { Logger } from './logger.ts';
import { mendCallBuffer } from './redis-call-buffer.ts';
import { parseRedisUrl, type RedisAccess, type RedisNode, type RedisTarget } from './redis-config.ts';
import { logIncidents, type RedisIncidents } from './redis-incidents.ts';

/** A Redis that answers takes less than a millisecond; a caller who waited this long is better served by a 503. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** A connection whose commands time out one after the other is cut, not only slow: replace it. */
const SOCKET_TIMEOUT_MS = 2 * COMMAND_TIMEOUT_MS;
/** How long a close waits for the other side before it is enforced; a dead peer never answers. */
const DISCONNECT_TIMEOUT_MS = 500;
const KEEP_ALIVE_MS = 10_000;
/** Fast first, as most outages are a restart, and never rarer than once a second: an edge is deaf meanwhile. */
const RETRY = { baseMs: 50, capMs: 1_000 } as const;
/** How often a process that waits for Redis at its start says so again. */
const REMIND_MS = 30_000;

export interface ConnectRedisOptions {
  /** Shown in Redis' CLIENT LIST and in log lines. */
  readonly name: string;
  /** `commands` asks and is answered; `subscriber` listens, and whoever subscribed does so again after each `ready`. */
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
 * @throws {ConfigError} when the target is a Redis Cluster
 */
export function connectRedis(target: RedisTarget, { name, role, logger }: ConnectRedisOptions): Redis {
  let incidents: RedisIncidents | undefined;
  const redis = new Redis({
    ...addressOptions(target),
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
    reconnectOnError(error) {
      // A master that became a replica: the name or the Sentinels lead to the new one. The command itself fails (1).
      if (!error.message.startsWith('READONLY')) return false;
      incidents?.because('it became a read-only replica');
      return 1;
    },
  });
  mendCallBuffer(redis);
  incidents = logIncidents(redis, logger, { connection: name, redis: describeTarget(target) });
  return redis;
}

/** Where and as whom to connect. How replies look is not for an address to say. */
type Address = Omit<RedisOptions, 'replyMapping'>;

function addressOptions(target: RedisTarget): Address {
  if (target.kind === 'single') return singleOptions(target.url);
  if (target.kind === 'sentinel') return sentinelOptions(target);
  const rule = 'must not be set: cluster mode is not available in this version';
  throw new ConfigError([{ variable: 'REDIS_CLUSTER_NODES', rule, given: addresses(target.nodes) }]);
}

function singleOptions(url: string): Address {
  const endpoint = parseRedisUrl(url);
  if (endpoint === null) {
    const rule = 'must be a redis: or rediss: URL';
    throw new ConfigError([{ variable: 'REDIS_URL', rule, given: maskCredentials(url) }]);
  }
  const { host, port } = endpoint;
  return { host, port, ...accessOptions(endpoint), ...(endpoint.tls ? { tls: {} } : {}) };
}

function sentinelOptions({ sentinels, name, access }: Extract<RedisTarget, { kind: 'sentinel' }>): Address {
  return {
    sentinels: [...sentinels],
    name,
    sentinelRetryStrategy: (attempt) => jitteredDelay(RETRY, attempt),
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    ...accessOptions(access),
    ...(access.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  };
}

function accessOptions({ username, password, database }: RedisAccess): Address {
  return {
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

/** The target for people, without its password. */
export function describeTarget(target: RedisTarget): string {
  if (target.kind === 'single') return maskCredentials(target.url);
  if (target.kind === 'sentinel') return `${target.name} of Sentinels ${addresses(target.sentinels)}`;
  return `Cluster ${addresses(target.nodes)}`;
}

function addresses(nodes: readonly RedisNode[]): string {
  return nodes.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',');
}

export interface WaitForRedisOptions {
  readonly logger: Logger;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
  /** How often to say again that it still waits, in milliseconds. */
  readonly remindMs?: number;
}

/**
 * Waits until the connection is ready; the connection itself tries again and again meanwhile. Says that it waits when
 * the first attempt has failed, and then every 30 seconds.
 * @throws the signal's reason when it aborts; an Error when the connection was closed on purpose
 */
export async function waitForRedis(redis: Redis, options: WaitForRedisOptions): Promise<void> {
  const { logger, signal, remindMs = REMIND_MS } = options;
  signal?.throwIfAborted();
  if (redis.status === 'ready') return;
  if (redis.status === 'end') throw new Error('The Redis connection was closed while waiting for it');

  const startedAt = performance.now();
  let reason = 'not connected yet';
  let told = false;
  const say = (): void => {
    told = true;
    logger.warn({ reason, waitedMs: Math.round(performance.now() - startedAt) }, 'waiting for redis');
  };
  const onError = (error: Error): void => {
    reason = reasonOf(error);
    if (!told) say();
  };
  const reminder = setInterval(say, remindMs);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onEnd = (): void => reject(new Error('The Redis connection was closed while waiting for it'));
  const onAbort = (): void => reject(signal?.reason);

  redis.on('error', onError).on('ready', resolve).on('end', onEnd);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearInterval(reminder);
    redis.off('error', onError).off('ready', resolve).off('end', onEnd);
    signal?.removeEventListener('abort', onAbort);
  }
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
