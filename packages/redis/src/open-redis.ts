import { OneRedis } from './one-redis.ts';
import { RedisCluster } from './cluster/cluster.ts';
import type { RedisTarget } from './config.ts';
import type { OpenRedisOptions } from './link.ts';

/** Opens the way to our Redis. */
export function openRedis(target: RedisTarget, options: OpenRedisOptions): OneRedis | RedisCluster {
  return target.kind === 'cluster' ? new RedisCluster(target, options) : new OneRedis(target, options);
}
