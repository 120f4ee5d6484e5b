import type { RedisKind } from './redis-kind.ts';
import { startRedisCluster } from './redis-cluster.ts';
import { startWatchedRedis } from './redis-sentinel.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { findOrBringRedis, redisProgram } from './redis.ts';

/** The Redis of an installation, whatever it is made of. */
export interface Databases {
  /** How services find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the servers that hold the data: the one, or the masters. */
  readonly urls: readonly string[];
  /** Ends what was started for us. */
  readonly stop: () => Promise<void>;
}

/** One of our own, of which every server may be hurt. */
export interface OwnDatabases extends Databases {
  readonly kind: RedisKind;
  /** The redis-server that runs. */
  readonly binary: string;
  /** Those that hold the data at first: the one, or the masters. */
  readonly masters: readonly RedisServer[];
  /** One for each master, in the same order; none of a single Redis. */
  readonly replicas: readonly RedisServer[];
  readonly sentinelPorts: readonly number[];
  /** How services find it by these ports in place of the servers' own: those of proxies. */
  readonly envThrough: (ports: ReadonlyMap<number, number>) => Record<string, string>;
}

export interface OwnDatabasesOptions {
  binary: string;
  /** More settings of each server. */
  args?: readonly string[];
  /** More variables of each server. */
  env?: Readonly<Record<string, string>>;
}

/** Brings a Redis of this kind: a single one that is there will do, the others are always ours. Rejects with `NoRedis`. */
export async function bringDatabases(kind: RedisKind, announce: (line: string) => void): Promise<Databases> {
  if (kind === 'single') {
    const { url, stop } = await findOrBringRedis({ announce });
    return { env: { REDIS_URL: url }, urls: [url], stop };
  }
  const databases = await startDatabases(kind, { binary: await redisProgram({ announce }) });
  const { binary, urls, env } = databases;
  announce(
    kind === 'sentinel'
      ? `Redis: ${binary}, a master on ${urls.join()} and a replica, watched by three Sentinels`
      : `Redis: ${binary}, a Cluster of three masters and three replicas: ${env['REDIS_CLUSTER_NODES']}`,
  );
  return databases;
}

/** Starts a Redis of this kind from a program of this machine. */
export async function startDatabases(kind: RedisKind, options: OwnDatabasesOptions): Promise<OwnDatabases> {
  const { binary } = options;
  if (kind === 'single') {
    const server = await startRedisServer(options);
    return own({ kind, binary, masters: [server], replicas: [], sentinelPorts: [] }, {}, () => server.stop());
  }
  if (kind === 'sentinel') {
    const { master, replica, sentinels, env, stop } = await startWatchedRedis(options);
    const sentinelPorts = sentinels.map(({ port }) => port);
    return own({ kind, binary, masters: [master], replicas: [replica], sentinelPorts }, env, stop);
  }
  const { nodes, stop } = await startRedisCluster(options);
  const [masters, replicas] = [nodes.slice(0, nodes.length / 2), nodes.slice(nodes.length / 2)];
  return own({ kind, binary, masters, replicas, sentinelPorts: [] }, {}, stop);
}

type Servers = Pick<OwnDatabases, 'kind' | 'binary' | 'masters' | 'replicas' | 'sentinelPorts'>;

function own(servers: Servers, sentinelEnv: Readonly<Record<string, string>>, stop: () => Promise<void>): OwnDatabases {
  const { kind, masters, replicas, sentinelPorts } = servers;
  const envThrough = (ports: ReadonlyMap<number, number>): Record<string, string> => {
    const addresses = (all: readonly number[]) => all.map((port) => `127.0.0.1:${ports.get(port) ?? port}`).join(',');
    const serverAddresses = addresses([...masters, ...replicas].map(({ port }) => port));
    if (kind === 'single') return { REDIS_URL: `redis://${serverAddresses}` };
    if (kind === 'sentinel') return { ...sentinelEnv, REDIS_SENTINELS: addresses(sentinelPorts) };
    return { REDIS_CLUSTER_NODES: serverAddresses };
  };
  return { ...servers, env: envThrough(new Map()), urls: masters.map(({ url }) => url), stop, envThrough };
}
