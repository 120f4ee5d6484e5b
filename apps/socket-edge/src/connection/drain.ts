import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionSlices } from './connection-list.ts';

const STEP_MS = 50;
/** Share of the drain time over which the close frames are spread; the rest is for the last closing handshakes. */
const SPREAD = 0.8;

/**
 * Closes every connection, spread evenly over the drain time. Resolves when all are gone, or at the end of the time; what
 * is left then is cut.
 * @param seconds the whole time there is
 * @param signal ends it early: what is not closed by then stays
 */
export async function drain(lists: readonly ConnectionSlices[], seconds: number, signal?: AbortSignal): Promise<void> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const all = () => lists.flatMap((list) => list.slice(0, list.size));
  const waiting = all();
  const goesOn = (): boolean => lists.some(({ size }) => size > 0) && !signal?.aborted;
  // By the clock and not by the step: on a busy machine steps come late, and the last ones would be cut off.
  const perMs = waiting.length / Math.max(STEP_MS, seconds * 1000 * SPREAD);
  for (let closed = 0; waiting.length > 0 && goesOn();) {
    const due = Math.ceil((performance.now() - start + STEP_MS) * perMs);
    const some = waiting.splice(0, due - closed);
    for (const connection of some) connection.closeForDrain();
    closed += some.length;
    if (waiting.length > 0) await delay(STEP_MS);
  }
  while (goesOn() && performance.now() < end) await delay(STEP_MS);
  if (signal?.aborted) return;
  for (const connection of all()) connection.transport.terminate();
  while (goesOn()) await delay(1);
}
