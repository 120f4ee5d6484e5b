import type { Transport } from '../connection/connection.ts';
import { NOT_DIRECT, sendNow } from './direct-write.ts';

/** How many connections are written to in one go. */
export const MAX_BATCH = 32;

const descriptors = new Int32Array(MAX_BATCH);
const taken = new Int32Array(MAX_BATCH);

/**
 * Sends the same frames to sockets, of which at most {@link MAX_BATCH} are given: first it is found out whose
 * descriptors may be written to, then these are, and then the rest gets its frames, or what the kernel did not take of
 * them, in the ordinary way. Between the look and the last of the direct writes nothing else runs, so none of the
 * descriptors is closed or another's by then. And a look at many in a row lets the processor fetch their objects side by
 * side: since the last message all of them have left its caches, and with a system call after each look it would wait for
 * them one by one. `onWaiting` is told of each for which something waits then.
 */
export function broadcast(transports: readonly Transport[], frames: Buffer, onWaiting: (index: number) => void): void {
  const count = transports.length;
  for (let index = 0; index < count; index += 1) descriptors[index] = transports[index]?.descriptor ?? NOT_DIRECT;
  let rest = 0;
  for (let index = 0; index < count; index += 1) {
    const descriptor = descriptors[index] ?? NOT_DIRECT;
    const bytes = descriptor === NOT_DIRECT ? 0 : sendNow(descriptor, frames);
    taken[index] = bytes;
    if (bytes < frames.length) rest += 1;
  }
  if (rest > 0) sendRest(transports, frames, onWaiting);
}

function sendRest(transports: readonly Transport[], frames: Buffer, onWaiting: (index: number) => void): void {
  for (const [index, transport] of transports.entries()) {
    const bytes = taken[index] ?? 0;
    if (bytes === frames.length) continue;
    transport.send(bytes === 0 ? frames : frames.subarray(bytes));
    if (transport.bufferedBytes > 0) onWaiting(index);
  }
}
