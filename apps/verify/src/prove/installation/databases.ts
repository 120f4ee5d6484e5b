import { askRedis } from '@holdfast/local/ask-redis';
import { type OwnDatabases, startDatabases as start } from '@holdfast/local/databases';
import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Needs } from './needs.ts';
import { type ShiftedClock, shiftedClock } from './shifted-clock.ts';

/** The Redis of an installation. */
export interface Databases extends OwnDatabases {
  /** Where the clock of the one Redis can be set: null elsewhere. */
  readonly clock: ShiftedClock | null;
  /** Starts one more server; in a Cluster, a node that does not belong to it yet. */
  readonly startAnother: () => Promise<RedisServer>;
}

/** Starts the Redis that a run is about, or that a fault needs; `directory` is for the clock. */
export async function startDatabases(binary: string, directory: string, needs: Needs): Promise<Databases> {
  const clock = needs.redisClock ? await shiftedClock(directory) : null;
  const args = needs.aof
    ? ['--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0']
    : [];
  const databases = await start(needs.redis, { binary, args, ...(clock && { env: clock.env }) });
  const others: RedisServer[] = [];
  return {
    ...databases,
    clock,
    startAnother: async () => {
      const server = await startRedisServer({ binary, ...(needs.redis === 'cluster' && { busPort: 'any' as const }) });
      others.push(server);
      return server;
    },
    stop: async () => {
      await Promise.all(others.map((server) => server.stop()));
      await databases.stop();
    },
  };
}

/** Whether those who lead to the master lead to this one; in a Cluster it says so itself. */
export async function isNamedMaster({ sentinelPorts, env }: Databases, server: RedisServer): Promise<boolean> {
  if ((await server.info('role')) !== 'master') return false;
  const name = env['REDIS_SENTINEL_NAME'] ?? '';
  const named = sentinelPorts.map((sentinel) =>
    askRedis(`redis://127.0.0.1:${sentinel}`, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
  );
  return (await Promise.all(named)).every((address) => (address as string[])[1] === String(server.port));
}

const AOF = 'appendonlydir';

/** Copies what a server has written to its append-only file so far; gives what has it come back with that. */
export async function saveFile(server: RedisServer): Promise<() => Promise<void>> {
  const file = join(server.directory, AOF);
  const saved = `${file}-saved`;
  await rm(saved, { recursive: true, force: true });
  await cp(file, saved, { recursive: true });
  return async () => {
    await rm(file, { recursive: true, force: true });
    await cp(saved, file, { recursive: true });
    await server.startAgain();
  };
}

/** Starts a server that has ended with nothing of what it had. */
export async function startEmpty(server: RedisServer): Promise<void> {
  await rm(join(server.directory, AOF), { recursive: true, force: true });
  await server.startAgain();
}
