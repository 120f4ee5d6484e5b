import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';

/** Long enough for Redis' CPU time to stand out from noise, and short enough to wait for. */
const OVER_MS = 500;
/** Of Redis 7 and Valkey; before, there is only that of all threads. */
const MAIN_THREAD = ['used_cpu_sys_main_thread', 'used_cpu_user_main_thread'] as const;
const ALL_THREADS = ['used_cpu_sys', 'used_cpu_user'] as const;

/** How busy one Redis is. */
export interface RedisLoad {
  readonly usedBytes: number;
  /** `maxmemory`; null when it is not set. */
  readonly maxBytes: number | null;
  /** CPU time of the thread that runs commands by time: 1 is all it can do. */
  readonly cpu: number;
  /** Those inside scripts included. */
  readonly commandsPerSecond: number;
  readonly outputBytesPerSecond: number;
  readonly connectedClients: number;
  readonly maxClients: number;
}

/**
 * Measures a Redis over half a second, by its own INFO.
 * @returns null when we are not allowed to ask (INFO); rejects when it does not answer
 */
export async function redisLoad(redis: Pick<Redis, 'info'>, overMs = OVER_MS): Promise<RedisLoad | null> {
  try {
    const begin = performance.now();
    const before = fieldsOf(await redis.info());
    await delay(overMs);
    const after = fieldsOf(await redis.info());
    return loadBetween(before, after, (performance.now() - begin) / 1000);
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return null;
    throw error;
  }
}

/** The same of each server, at the same time; those that we may not ask are left out. */
export async function redisLoads(servers: readonly Pick<Redis, 'info'>[]): Promise<RedisLoad[]> {
  const loads = await Promise.all(servers.map((server) => redisLoad(server)));
  return loads.filter((load) => load !== null);
}

type Fields = ReadonlyMap<string, string>;

function loadBetween(before: Fields, after: Fields, seconds: number): RedisLoad {
  const maxBytes = numberIn(after, 'maxmemory');
  const rate = (name: string): number => Math.round((numberIn(after, name) - numberIn(before, name)) / seconds);
  return {
    usedBytes: numberIn(after, 'used_memory'),
    maxBytes: maxBytes === 0 ? null : maxBytes,
    cpu: Math.round(((cpuSeconds(after) - cpuSeconds(before)) / seconds) * 1000) / 1000,
    commandsPerSecond: rate('total_commands_processed'),
    outputBytesPerSecond: rate('total_net_output_bytes'),
    connectedClients: numberIn(after, 'connected_clients'),
    maxClients: numberIn(after, 'maxclients'),
  };
}

function cpuSeconds(fields: Fields): number {
  const names = fields.has(MAIN_THREAD[0]) ? MAIN_THREAD : ALL_THREADS;
  return names.reduce((sum, name) => sum + numberIn(fields, name), 0);
}

function fieldsOf(info: string): Fields {
  return new Map(
    info.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** 0 for what this Redis does not report. */
function numberIn(fields: Fields, name: string): number {
  return Number(fields.get(name) ?? 0);
}
