import type * as Ffi from 'node:ffi';
import { arch, endianness, platform } from 'node:os';

/** Of Linux: it does not wait, and a peer that has gone is an error and not a signal (send(2)). */
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/** Of these it is known how their structures lie in memory, and how they hand over arguments. */
const KNOWN_ARCHITECTURES = new Set(['x64', 'arm64']);
/** `struct iovec` is an address and a length; of the words of `struct msghdr` these are an iovec's address and a count. */
const WORD_BYTES = 8;
const IOVEC_WORDS = 2;
const MSGHDR_WORDS = 7;
const MSG_IOV = 2;
const MSG_IOVLEN = 3;
const NO_DESCRIPTOR = -1;

/** Writes to a descriptor without waiting. Returns how many bytes the kernel took; 0 when none, for whatever reason. */
export type SendNow = (descriptor: number, bytes: Buffer) => number;

/**
 * sendmsg(2) of the C library, which every process of Node has loaded: half a microsecond less than `fs.writeSync` in a
 * delivery of nine, and a full socket returns a number instead of an exception, which costs ten. (Not send(2): functions
 * of four arguments are called by a way that costs as much as is gained.) Null where it is not known to work: it takes
 * `node:ffi`, an experimental module of Node 26.
 */
export function nativeSend(): SendNow | null {
  if (platform() !== 'linux' || endianness() !== 'LE' || !KNOWN_ARCHITECTURES.has(arch())) return null;
  try {
    const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi | undefined;
    if (ffi === undefined) return null;
    const send = sendBy(ffi);
    return send(NO_DESCRIPTOR, Buffer.from('to no socket')) === 0 ? send : null;
  } catch {
    // Another version may have it otherwise.
    return null;
  }
}

function sendBy({ dlopen, getRawPointer }: typeof Ffi): SendNow {
  const { sendmsg } = dlopen(null, { sendmsg: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] } }).functions;
  // ArrayBuffers of their own: the memory of a small typed array is moved by the garbage collector.
  const iovec = new BigUint64Array(new ArrayBuffer(IOVEC_WORDS * WORD_BYTES));
  const header = new BigUint64Array(new ArrayBuffer(MSGHDR_WORDS * WORD_BYTES));
  const address = getRawPointer(header.buffer);
  // The kernel gets addresses; what they lead to stays in memory only as long as something here refers to it.
  let current: Buffer | null = null;
  const pointTo = (bytes: Buffer): void => {
    iovec[0] = getRawPointer(bytes);
    iovec[1] = BigInt(bytes.length);
    header[MSG_IOV] = getRawPointer(iovec.buffer);
    header[MSG_IOVLEN] = 1n;
    current = bytes;
  };
  return (descriptor, bytes) => {
    if (bytes !== current) pointTo(bytes);
    return Math.max(0, sendmsg(descriptor, address, FLAGS));
  };
}
