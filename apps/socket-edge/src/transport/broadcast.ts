import { NOT_DIRECT, sendNow } from './direct-write.ts';
import { type Broadcast, MAX_BATCH, type Transport } from './transport.ts';

/** A transport whose socket may be written to past everything else. */
interface DirectTransport extends Transport {
  /** The descriptor of the socket until anything else runs; NOT_DIRECT when the transport takes `send` only. */
  readonly descriptor?: number;
}

const descriptors = new Int32Array(MAX_BATCH);
const taken = new Int32Array(MAX_BATCH);

/**
 * Looks up all descriptors, then writes to those that may be written to, then sends the others their frames, or what the
 * kernel did not take, in the ordinary way. Between the look-up and the last direct write nothing else runs, so no
 * descriptor is closed or reused by then. Looking up many in a row lets the processor fetch their objects side by side:
 * since the last message all of them have left its caches, and with a system call after each look-up it would wait for
 * them one by one.
 */
export const broadcast: Broadcast = (transports: readonly DirectTransport[], frames, onWaiting) => {
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
};

function sendRest(transports: readonly Transport[], frames: Buffer, onWaiting: (index: number) => void): void {
  for (const [index, transport] of transports.entries()) {
    const bytes = taken[index] ?? 0;
    if (bytes === frames.length) continue;
    transport.send(bytes === 0 ? frames : frames.subarray(bytes));
    if (transport.bufferedBytes > 0) onWaiting(index);
  }
}
