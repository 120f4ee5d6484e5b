import type { Connection } from './connection.ts';
import { NOT_DIRECT, sendNow } from './direct-write.ts';

/** How many connections are written to in one go. */
export const MOST_AT_ONCE = 32;

const descriptors = new Int32Array(MOST_AT_ONCE);
const taken = new Int32Array(MOST_AT_ONCE);

/**
 * Sends the same frames to connections, of which at most {@link MOST_AT_ONCE} are given: first it is found out whose
 * descriptors may be written to, then these are, and then the rest gets its frames in the ordinary way. Between the look
 * and the last of the direct writes nothing else runs, so none of the descriptors is closed or another's by then. And a
 * look at many in a row lets the processor fetch their objects side by side: since the last message all of them have
 * left its caches, and with a system call after each look it would wait for them one by one.
 */
export function fanOut(connections: readonly Connection[], frames: Buffer): void {
  const count = connections.length;
  for (let index = 0; index < count; index += 1) {
    descriptors[index] = connections[index]?.transport.descriptor ?? NOT_DIRECT;
  }
  let rest = 0;
  for (let index = 0; index < count; index += 1) {
    const descriptor = descriptors[index] ?? NOT_DIRECT;
    const bytes = descriptor === NOT_DIRECT ? 0 : sendNow(descriptor, frames);
    taken[index] = bytes;
    if (bytes < frames.length) rest += 1;
  }
  if (rest > 0) sendRest(connections, frames);
}

/** What the kernel did not take. A connection may be closed by that, or leave the live sets; only itself. */
function sendRest(connections: readonly Connection[], frames: Buffer): void {
  for (const [index, connection] of connections.entries()) {
    const bytes = taken[index] ?? 0;
    if (bytes < frames.length) connection.send(bytes === 0 ? frames : frames.subarray(bytes));
  }
}
