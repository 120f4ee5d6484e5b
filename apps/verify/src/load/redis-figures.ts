import { Redis } from 'ioredis';

/** What is no data: the buffers of connections, which come and go, and what is kept for replicas. */
const OVERHEAD = ['mem_clients_normal', 'mem_clients_slaves', 'mem_replication_backlog'];

/** What servers of Redis use for data, in bytes; null without a server. */
export async function redisDataBytes(urls: readonly string[]): Promise<number | null> {
  if (urls.length === 0) return null;
  const sizes = await Promise.all(
    urls.map(async (url) => {
      const info = await infoOf(url, 'memory');
      const field = (name: string) => numberIn(info, new RegExp(`^${name}:(\\d+)`, 'm'));
      return OVERHEAD.reduce((left, name) => left - field(name), field('used_memory'));
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * How many messages each server has taken into its logs so far, in the order given: the calls of XADD, but for those with
 * which control-apis try whether writes are taken; each of these has a call of XLEN beside it.
 */
export function messagesTaken(urls: readonly string[]): Promise<number[]> {
  return Promise.all(
    urls.map(async (url) => {
      const info = await infoOf(url, 'commandstats');
      return numberIn(info, /^cmdstat_xadd:calls=(\d+)/m) - numberIn(info, /^cmdstat_xlen:calls=(\d+)/m);
    }),
  );
}

async function infoOf(url: string, section: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  try {
    await redis.connect();
    return await redis.info(section);
  } finally {
    redis.disconnect();
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
