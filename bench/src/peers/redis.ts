import { findOrBringRedis } from '@holdfast/local/redis';
import type { Surroundings } from './peer.ts';

export interface BenchRedis {
  url: string;
  port: number;
  pid: number;
  stop: () => Promise<void>;
}

/** A Redis of its own, so that what it does can be accounted: REDIS_URL is not looked at. */
export async function startRedis({ log }: Pick<Surroundings, 'log'>): Promise<BenchRedis> {
  const lines: string[] = [];
  const redis = await findOrBringRedis({
    announce: (line) => lines.push(line),
    env: { ...process.env, REDIS_URL: undefined },
  });
  if (redis.server === undefined) {
    await redis.stop();
    throw new Error(
      'a redis-server program is needed on this machine: the work of one in a container is not accounted',
    );
  }
  // That apt-get was at work is news; which program it is, every round, is not.
  if (redis.source === 'package') for (const line of lines) log(line);
  const { url, server } = redis;
  return { url, port: server.port, pid: server.pid, stop: redis.stop };
}
