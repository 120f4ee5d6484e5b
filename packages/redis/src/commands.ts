import type { Redis } from 'ioredis';
import type { WaitForRedisOptions } from './connection.ts';

/** The commands that may be sent. All but PING have a key. */
export const COMMAND_NAMES = [
  'del',
  'eval',
  'evalsha',
  'exists',
  'expire',
  'get',
  'hdel',
  'hget',
  'hgetall',
  'hincrby',
  'hmget',
  'hscan',
  'hset',
  'lrange',
  'pexpire',
  'pttl',
  'rpush',
  'sadd',
  'scard',
  'set',
  'smembers',
  'spublish',
  'srandmember',
  'srem',
  'sscan',
  'xadd',
  'xlen',
  'xrange',
  'xtrim',
  'zadd',
  'zcard',
  'zrange',
  'zrangebylex',
  'zrangebyscore',
  'zrem',
] as const;

/** ioredis has these, its types do not. */
export const BUFFER_NAMES = ['evalBuffer', 'evalshaBuffer'] as const;

/** A single Redis has them as its connection does; on a Cluster each goes to the master of its one key. */
export type Commands = Pick<Redis, (typeof COMMAND_NAMES)[number] | 'ping' | 'isCluster'> & {
  /** Of a Cluster: numbers, one for each master, whose key has its slot there. */
  placesOfServers?: (keyOf: (place: string) => string) => string[];
};

/** The way to a Redis, be it one server or many. */
export interface RedisLink {
  readonly commands: Commands;
  /** The connections for commands to the servers that hold data, ready or not. */
  servers(): readonly Redis[];
  /** Why not every command can be answered now; null when it can, as far as is known. */
  fault(): string | null;
  /**
   * Calls back with each connection for commands that is ready. `again` when all of Redis was ready before: then that
   * server was away, or is a new one.
   */
  onReady(listener: (connection: Redis, again: boolean) => void): void;
  /** Waits until all of it is ready, and logs that it waits. Rejects with the signal's reason. */
  whenReady(options: WaitForRedisOptions): Promise<void>;
  /** Closes every connection for good. Never rejects. */
  close(): Promise<void>;
}
