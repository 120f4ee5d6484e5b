import { startRedisCluster } from './redis-cluster.ts';
import { startWatchedRedis } from './redis-sentinel.ts';
import type { RedisKind } from './redis-kind.ts';
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

/** Brings a Redis of this kind: a single one that is there will do, the others are always ours. Rejects with `NoRedis`. */
export async function bringDatabases(kind: RedisKind, announce: (line: string) => void): Promise<Databases> {
  if (kind === 'single') {
    const { url, stop } = await findOrBringRedis({ announce });
    return { env: { REDIS_URL: url }, urls: [url], stop };
  }
  const binary = await redisProgram({ announce });
  if (kind === 'sentinel') {
    const { env, master, stop } = await startWatchedRedis({ binary });
    announce(`Redis: ${binary}, a master on ${master.url} and a replica, watched by three Sentinels`);
    return { env, urls: [master.url], stop };
  }
  const cluster = await startRedisCluster({ binary });
  announce(`Redis: ${binary}, a Cluster of three masters and three replicas: ${cluster.addresses}`);
  const urls = cluster.nodes.slice(0, 3).map(({ url }) => url);
  return { env: { REDIS_CLUSTER_NODES: cluster.addresses }, urls, stop: cluster.stop };
}
