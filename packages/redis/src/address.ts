import { jitteredDelay } from '@holdfast/service/backoff';
import { ConfigError, maskCredentials } from '@holdfast/service/config';
import type { RedisOptions } from 'ioredis';
import { type RedisAccess, type RedisNode, type RedisTarget, parseRedisUrl } from './config.ts';

/** A Redis that is reached by one connection: a single server, or the master behind Sentinels. */
export type DirectTarget = Exclude<RedisTarget, { kind: 'cluster' }>;

/** Where and as which user to connect. How replies look is no part of an address. */
export type Address = Omit<RedisOptions, 'replyMapping'>;

/** Fast first, as most outages are a restart, and at least once a second: an edge receives nothing meanwhile. */
export const RETRY = { baseMs: 50, capMs: 1_000 } as const;
/** A Redis that answers takes less than a millisecond; a caller that waited this long is better served by a 503. */
export const COMMAND_TIMEOUT_MS = 2_000;

export function addressOf(target: DirectTarget): Address {
  if (target.kind === 'sentinel') return sentinelAddress(target);
  const endpoint = parseRedisUrl(target.url);
  if (endpoint === null) {
    const rule = 'must be a redis: or rediss: URL';
    throw new ConfigError([{ variable: 'REDIS_URL', rule, given: maskCredentials(target.url) }]);
  }
  return nodeAddress(endpoint, endpoint);
}

/** Of one server. */
export function nodeAddress({ host, port }: RedisNode, access: RedisAccess): Address {
  return { host, port, ...accessOptions(access), ...(access.tls ? { tls: {} } : {}) };
}

function sentinelAddress({ sentinels, name, access }: Extract<RedisTarget, { kind: 'sentinel' }>): Address {
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

/** A target for log lines, without its password. */
export function describe(target: DirectTarget): string {
  if (target.kind === 'single') return maskCredentials(target.url);
  return `${target.name} of Sentinels ${target.sentinels.map(describeNode).join(',')}`;
}

export function describeNode({ host, port }: RedisNode): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
