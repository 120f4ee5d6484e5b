import { Redis, type RedisOptions } from 'ioredis';
import { jitteredDelay } from '@holdfast/service/backoff';
import { ConfigError, maskCredentials } from '@holdfast/service/config';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import { mendCallBuffer } from './call-buffer.ts';
import { parseRedisUrl, type RedisAccess, type RedisNode, type RedisTarget } from './config.ts';
import { requireDatabase } from './database.ts';
import { logIncidents, type RedisIncidents } from './incidents.ts';
import { RedisRefusals } from './refusals.ts';

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
/**
 * A read-only replica may have been the master until now, and its name may lead to the new one: so long between two looks
 * where it leads. Each costs what is under way on the connection.
 */
const READONLY_RECONNECT_MS = 1_000;
/** How often a process that waits for Redis at its start says so again. */
const REMIND_MS = 30_000;

export interface ConnectRedisOptions {
  /** Shown in Redis' CLIENT LIST and in log lines. */
  readonly name: string;
  /** `commands` asks and is answered; `subscriber` listens, and whoever subscribed does so again after each `ready`. */
  readonly role: 'commands' | 'subscriber';
  readonly logger: Logger;
}

/** A Redis that is reached by one connection. A Cluster is not: see redis-cluster.ts. */
export type DirectTarget = Exclude<RedisTarget, { kind: 'cluster' }>;

/**
 * Opens a connection that comes back by itself. It never keeps a command for later and never sends one twice: while
 * it is down commands are rejected at once, and those under way when it breaks are rejected, with their outcome
 * unknown. A command without an answer is rejected after two seconds.
 *
 * Subscriptions are not renewed by the connection: what was missed meanwhile must be fetched first, and only the
 * subscriber knows how.
 */
export function connectRedis(target: DirectTarget, options: ConnectRedisOptions): Redis {
  const address = target.kind === 'single' ? singleOptions(target.url) : sentinelOptions(target);
  return open(address, describeTarget(target), options);
}

/** The same to one node of a Cluster. */
export function connectNode(node: RedisNode, access: RedisAccess, options: ConnectRedisOptions): Redis {
  return open(nodeOptions(node, access), addresses([node]), options);
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
  mendCallBuffer(redis);
  requireDatabase(redis);
  incidents = logIncidents(redis, logger, fields);
  return redis;
}

/** Where and as whom to connect. How replies look is not for an address to say. */
export type Address = Omit<RedisOptions, 'replyMapping'>;

function singleOptions(url: string): Address {
  const endpoint = parseRedisUrl(url);
  if (endpoint === null) {
    const rule = 'must be a redis: or rediss: URL';
    throw new ConfigError([{ variable: 'REDIS_URL', rule, given: maskCredentials(url) }]);
  }
  return nodeOptions(endpoint, endpoint);
}

/** How to reach one server. */
export function nodeOptions({ host, port }: RedisNode, access: RedisAccess): Address {
  return { host, port, ...accessOptions(access), ...(access.tls ? { tls: {} } : {}) };
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
function describeTarget(target: DirectTarget): string {
  if (target.kind === 'single') return maskCredentials(target.url);
  return `${target.name} of Sentinels ${addresses(target.sentinels)}`;
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
  const { signal } = options;
  signal?.throwIfAborted();
  if (redis.status === 'ready') return;
  if (redis.status === 'end') throw new Error('The Redis connection was closed while waiting for it');

  let reason = 'not connected yet';
  const reminder = remind(() => reason, options);
  const onError = (error: Error): void => {
    reason = reasonOf(error);
    reminder.sayOnce();
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

/** Says that it waits: when told to, the first time only, and then every `remindMs`. */
export function remind(reason: () => string, { logger, remindMs = REMIND_MS }: WaitForRedisOptions) {
  const startedAt = performance.now();
  let told = false;
  const say = (): void => {
    told = true;
    logger.warn({ reason: reason(), waitedMs: Math.round(performance.now() - startedAt) }, 'waiting for redis');
  };
  const timer = setInterval(say, remindMs);
  return {
    sayOnce: (): void => {
      if (!told) say();
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
