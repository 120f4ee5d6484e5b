import { redisInfo } from '@holdfast/local/ask-redis';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SETTLED_WITHIN = 0.005;
const SETTLE_EVERY_MS = 250;
const SETTLE_FOR_MS = 5_000;
/** What is no data: the buffers of connections, which come and go, and what is kept for replicas. */
const OVERHEAD = ['mem_clients_normal', 'mem_clients_slaves', 'mem_replication_backlog'];

/**
 * The resident memory of some processes of this machine, in bytes; null when it cannot be read (no Linux, or none
 * given).
 */
export async function residentBytes(pids: readonly number[]): Promise<number | null> {
  if (pids.length === 0 || process.platform !== 'linux') return null;
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * The same once it has stopped changing, for at most five seconds: what a crowd of handshakes left behind is soon given
 * back.
 */
export async function settledResidentBytes(pids: readonly number[], signal: AbortSignal): Promise<number | null> {
  const giveUpAt = performance.now() + SETTLE_FOR_MS;
  let before = await residentBytes(pids);
  while (before !== null && performance.now() < giveUpAt) {
    await delay(SETTLE_EVERY_MS, undefined, { signal });
    const now = await residentBytes(pids);
    if (now === null || Math.abs(now - before) < before * SETTLED_WITHIN) return now;
    before = now;
  }
  return before;
}

/** What servers of Redis use for data, in bytes; null without a server. */
export async function redisDataBytes(urls: readonly string[]): Promise<number | null> {
  if (urls.length === 0) return null;
  const sizes = await Promise.all(
    urls.map(async (url) => {
      const overhead = await Promise.all(
        OVERHEAD.map(async (name) => Number(await redisInfo(url, name).catch(() => 0))),
      );
      return overhead.reduce((left, bytes) => left - bytes, Number(await redisInfo(url, 'used_memory')));
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * How many messages each server has taken into its logs so far, in the order given: the calls of XADD, but for those with
 * which control-apis try whether writes are taken; each of these has a call of XLEN beside it.
 */
export function messagesTaken(urls: readonly string[]): Promise<number[]> {
  return Promise.all(urls.map(async (url) => (await calls(url, 'xadd')) - (await calls(url, 'xlen'))));
}

async function calls(url: string, command: string): Promise<number> {
  // A command that was never called has no line.
  const text = await redisInfo(url, `cmdstat_${command}`).catch(() => 'calls=0');
  return Number(/^calls=(\d+)/.exec(text)?.[1] ?? 0);
}
