import type { Redis } from 'ioredis';

/** The commands that the stores send. All but PING have a key. */
export const COMMAND_NAMES = [
  'del',
  'eval',
  'evalsha',
  'exists',
  'expire',
  'get',
  'hget',
  'hgetall',
  'hmget',
  'lrange',
  'pexpire',
  'rpush',
  'sadd',
  'set',
  'spublish',
  'srandmember',
  'srem',
  'zadd',
  'zrange',
  'zrangebylex',
  'zrangebyscore',
  'zrem',
] as const;

/** ioredis has these, its types do not. */
export const BUFFER_NAMES = ['evalBuffer', 'evalshaBuffer'] as const;

/** What the stores need of Redis: a connection has it, and a Cluster by `clusterCommands`, where a command has one key. */
export type Commands = Pick<Redis, (typeof COMMAND_NAMES)[number] | 'ping' | 'isCluster'> & {
  /** Of a Cluster: names, one for each server, whose keys lie there. */
  placesOfServers?: (keyOf: (place: string) => string) => string[];
};
