import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SETTLED_WITHIN = 0.005;
const SETTLE_EVERY_MS = 250;
const SETTLE_FOR_MS = 5_000;

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
