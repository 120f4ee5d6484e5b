import { z } from 'zod';
import { setting, text, type Setting } from '@holdfast/service/config';

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEFAULT_REDIS_PORT = 6379;
const DEFAULT_PREFIX = 'hf:';
const MAX_PORT = 65_535;

/** One address of a Redis, a Cluster node or a Sentinel. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** As which user to connect, whatever the address is. */
export interface RedisAccess {
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  readonly tls: boolean;
}

/** The parts of a redis: or rediss: URL. */
export interface RedisEndpoint extends RedisNode, RedisAccess {}

/** Where our Redis is: a single server, a Cluster, or the master behind Sentinels. */
export type RedisTarget =
  | { readonly kind: 'single'; readonly url: string }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisNode[]; readonly access: RedisAccess }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisNode[];
      /** The name under which the Sentinels watch the master. */
      readonly name: string;
      readonly access: RedisAccess;
    };

/** The variables of every process that talks to Redis: spread them into its schema and add `redisRules`. */
export const redisVariables = {
  REDIS_URL: setting(
    'must be redis://[user:password@]host[:port][/database] or the same with rediss:, and no query',
    (value) => (parseRedisUrl(value) === null ? undefined : value),
    DEFAULT_URL,
  ).describe(
    'The Redis; rediss: for TLS. With REDIS_SENTINELS or REDIS_CLUSTER_NODES only user, password, database and TLS are taken from it',
  ),
  REDIS_CLUSTER_NODES: nodes().optional().describe('Some nodes of a Redis Cluster, host:port with commas between them'),
  REDIS_SENTINELS: nodes().optional().describe('The Sentinels, host:port with commas between them'),
  REDIS_SENTINEL_NAME: text().optional().describe('The name under which the Sentinels watch the master'),
  REDIS_PREFIX: setting(
    'must be 1 to 40 printable ASCII characters without blanks and braces',
    // Braces would move keys to other slots of a Cluster.
    (value) => (/^[!-z|~]{1,40}$/.test(value) ? value : undefined),
    DEFAULT_PREFIX,
  ).describe('Every key and channel begins with it'),
};

export type RedisConfig = z.infer<z.ZodObject<typeof redisVariables>>;

type RedisChoice = Pick<RedisConfig, 'REDIS_URL' | 'REDIS_CLUSTER_NODES' | 'REDIS_SENTINELS' | 'REDIS_SENTINEL_NAME'>;

/**
 * Names settings that contradict each other: `z.object({ ...redisVariables, … }).check(redisRules)`. Runs also when
 * another variable is wrong, so that every fault is reported at once.
 */
export const redisRules: z.core.$ZodCheck<RedisChoice> = z.superRefine<RedisChoice>(
  (config, context) => {
    const fault = (variable: keyof RedisChoice, message: string): void =>
      context.addIssue({ code: 'custom', path: [variable], message, input: config[variable] });

    if (config.REDIS_CLUSTER_NODES !== undefined && config.REDIS_SENTINELS !== undefined) {
      fault('REDIS_CLUSTER_NODES', 'must not be set together with REDIS_SENTINELS: it is one or the other');
    }
    if (config.REDIS_CLUSTER_NODES !== undefined && accessOf(config.REDIS_URL).database !== 0) {
      fault('REDIS_URL', 'must not name a database when REDIS_CLUSTER_NODES is set: a Cluster has database 0 only');
    }
    if (config.REDIS_SENTINELS !== undefined && config.REDIS_SENTINEL_NAME === undefined) {
      fault('REDIS_SENTINEL_NAME', 'must be set when REDIS_SENTINELS is');
    }
    if (config.REDIS_SENTINEL_NAME !== undefined && config.REDIS_SENTINELS === undefined) {
      fault('REDIS_SENTINELS', 'must be set when REDIS_SENTINEL_NAME is');
    }
  },
  { when: () => true },
);

/** Where our Redis is, according to the configuration. */
export function toRedisTarget(config: Omit<RedisConfig, 'REDIS_PREFIX'>): RedisTarget {
  const {
    REDIS_URL: url,
    REDIS_CLUSTER_NODES: cluster,
    REDIS_SENTINELS: sentinels,
    REDIS_SENTINEL_NAME: name,
  } = config;
  if (cluster !== undefined) return { kind: 'cluster', nodes: cluster, access: accessOf(url) };
  if (sentinels !== undefined && name !== undefined)
    return { kind: 'sentinel', sentinels, name, access: accessOf(url) };
  return { kind: 'single', url };
}

/** User, password and database of a URL whose address does not count; none of one that is refused for itself. */
function accessOf(url: string | undefined): RedisAccess {
  const endpoint = parseRedisUrl(url ?? '');
  if (endpoint === null) return { database: 0, tls: false };
  const { host: _host, port: _port, ...access } = endpoint;
  return access;
}

/**
 * Takes a redis: or rediss: URL apart; null when it is not one. A query is refused: ioredis would take options from
 * it, over those that our promises rest on.
 */
export function parseRedisUrl(given: string): RedisEndpoint | null {
  const url = URL.parse(given);
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) return null;
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || database === undefined) return null;
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === null || password === null) return null;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_REDIS_PORT : Number(url.port),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    database: Number(database),
    tls: url.protocol === 'rediss:',
  };
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    // A lone percent sign: not valid in a URL, and no guess at a password helps anyone.
    return null;
  }
}

function nodes(): Setting<RedisNode[]> {
  return setting('must be host:port, or several with commas between them', (value) => {
    const found = value.split(',').map((item) => parseNode(item.trim()));
    return found.every((node) => node !== null) ? found : undefined;
  });
}

function parseNode(given: string): RedisNode | null {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(given) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > MAX_PORT) return null;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
