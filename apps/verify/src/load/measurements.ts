import { askRedis } from '@holdfast/local/ask-redis';
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
      const info = String(await askRedis(url, 'INFO', 'memory'));
      const field = (name: string) => numberIn(info, new RegExp(`^${name}:(\\d+)`, 'm'));
      return OVERHEAD.reduce((left, name) => left - field(name), field('used_memory'));
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * How many messages each server has taken into its logs so far, in the order given: the calls of XADD, but for those with
 * which control-apis try whether writes are taken; each of these has a call of XLEN beside it. Of one moment.
 */
export function messagesTaken(urls: readonly string[]): Promise<number[]> {
  return Promise.all(
    urls.map(async (url) => {
      const info = String(await askRedis(url, 'INFO', 'commandstats'));
      return numberIn(info, /^cmdstat_xadd:calls=(\d+)/m) - numberIn(info, /^cmdstat_xlen:calls=(\d+)/m);
    }),
  );
}

/** 0 where there is none: a command that was never called has no line. */
function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

/** What each of `count` has added, in bytes; null when it is not known. */
export function share(before: number | null, after: number | null, count: number): number | null {
  return before === null || after === null || count === 0 ? null : Math.round((after - before) / count);
}
