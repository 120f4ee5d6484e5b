import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from './worker-protocol.ts';

const LOOK_MS = 100;
/** All that was expected has come; what comes too much comes soon after it. */
const QUIET_MS = 500;
/** Nothing has come for so long: nothing more will. */
const STALLED_MS = 10_000;
/** Clients of an edge that died are back within 15 s; until then their messages are only late. */
const RECONNECTING_MS = 20_000;

/**
 * Waits until `expected` messages have arrived and no more follow, or until nothing has arrived for a while: so long
 * that what is missing then is lost. Rejects with the signal's reason.
 */
export async function drained(
  expected: number,
  clients: number,
  progress: () => Progress,
  signal: AbortSignal,
): Promise<void> {
  let last = -1;
  let changedAt = performance.now();
  for (;;) {
    const { deliveries, connected } = progress();
    if (deliveries !== last) {
      last = deliveries;
      changedAt = performance.now();
    }
    const patience = deliveries === expected ? QUIET_MS : connected < clients ? RECONNECTING_MS : STALLED_MS;
    if (performance.now() - changedAt >= patience) return;
    await delay(LOOK_MS, undefined, { signal });
  }
}
