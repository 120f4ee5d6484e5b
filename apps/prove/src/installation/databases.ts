import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Needs } from './needs.ts';
import { RedisUnderTest } from './redis-under-test.ts';
import { startSentinel } from './sentinel.ts';

const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

/** The Redis of an installation. */
export interface Databases {
  redis: RedisUnderTest;
  replica: RedisUnderTest | null;
  /** How services find it. */
  env: Record<string, string>;
}

/** Starts the Redis that a fault needs, alone or with a replica and a Sentinel. */
export async function startDatabases(
  started: AsyncDisposableStack,
  binary: string,
  directory: string,
  { aof, sentinel: isWatched }: Needs,
): Promise<Databases> {
  const open = async (name: string, args: readonly string[]): Promise<RedisUnderTest> => {
    const home = join(directory, name);
    await mkdir(home);
    const server = await RedisUnderTest.start({ binary, directory: home, args });
    started.defer(() => server.stop());
    return server;
  };
  const redis = await open('redis', aof ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []);
  if (!isWatched) return { redis, replica: null, env: { REDIS_URL: redis.url } };

  const replica = await open('replica', ['--replicaof', '127.0.0.1', String(redis.port)]);
  await followed(replica);
  // Only now: it learns of replicas when it first asks the master.
  const sentinel = await startSentinel(binary, directory, redis.port);
  started.defer(sentinel.stop);
  const env = { REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`, REDIS_SENTINEL_NAME: sentinel.name };
  return { redis, replica, env };
}

async function followed(replica: RedisUnderTest): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await replica.info('master_link_status')) !== 'up') {
    if (performance.now() > deadline) throw new Error(`the replica did not follow within ${PATIENCE_MS / 1000} s`);
    await delay(LOOK_MS);
  }
}
