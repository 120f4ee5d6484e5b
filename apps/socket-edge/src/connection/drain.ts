import { setTimeout as delay } from 'node:timers/promises';
import { closeCodes, retryAfterReason } from '@holdfast/protocol/close-codes';
import type { ConnectionRegistry } from './registry.ts';

const STEP_MS = 50;
/** Share of the drain time over which the close frames are spread; the rest is for the last closing handshakes. */
const SPREAD = 0.8;
/** Clients of one step come back spread over this time, so that the other edges see a stream and no wave. */
const RETRY_SPREAD_MS = 1000;

/**
 * Closes every connection, spread evenly over the drain time, each with a delay of its own after which to come
 * back. Resolves when all are gone, or at the end of the time; what is left then is cut.
 * @param seconds the whole time there is
 * @param signal ends it early: what is not closed by then stays
 */
export async function drain(registry: ConnectionRegistry, seconds: number, signal?: AbortSignal): Promise<void> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const waiting = registry.slice(0, registry.size);
  const goesOn = (): boolean => registry.size > 0 && !signal?.aborted;
  // By the clock and not by the step: on a busy machine steps come late, and the last ones would be cut off.
  const perMs = waiting.length / Math.max(STEP_MS, seconds * 1000 * SPREAD);
  for (let closed = 0; waiting.length > 0 && goesOn();) {
    const due = Math.ceil((performance.now() - start + STEP_MS) * perMs);
    const some = waiting.splice(0, due - closed);
    for (const connection of some) {
      connection.close(closeCodes.restarting, retryAfterReason(Math.random() * RETRY_SPREAD_MS));
    }
    closed += some.length;
    if (waiting.length > 0) await delay(STEP_MS);
  }
  while (goesOn() && performance.now() < end) await delay(STEP_MS);
  if (signal?.aborted) return;
  for (const connection of registry.slice(0, registry.size)) connection.transport.terminate();
  while (goesOn()) await delay(1);
}
