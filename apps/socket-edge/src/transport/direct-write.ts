import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type SendNow, nativeSend } from './native-send.ts';

/** No descriptor: the socket must be written the ordinary way. */
export const NOT_DIRECT = -1;

/** What libuv holds of a TCP socket. Node has no public name for it; a socket without one is written the ordinary way. */
interface Handle {
  readonly fd?: number;
}

let chosen: SendNow | undefined;

/** Writes to the descriptor of a {@link SocketWriter}. */
export const sendNow: SendNow = (descriptor, bytes) => {
  chosen ??= nativeSend() ?? writeNow;
  return chosen(descriptor, bytes);
};

/**
 * Writes to a socket. While nothing waits in its stream, straight through its descriptor, in one system call and without
 * the stream in between; what the kernel does not take goes through the stream as ever, and so does everything while the
 * stream still has something: so the order stays. Nothing is kept and no error is lost: a write that fails is tried again
 * by the stream, which emits the error. Only plain TCP: bytes past a TLSSocket would not be encrypted.
 */
export class SocketWriter {
  protected readonly socket: Duplex;
  /** Null for a socket that is only written through its stream. */
  readonly #handle: Handle | null;
  readonly #fd: number;

  /** Without `direct` everything goes through the stream. */
  constructor(socket: Duplex, direct: boolean) {
    this.socket = socket;
    const handle = direct && isPlainTcp(socket) ? handleOf(socket) : null;
    const { fd = NOT_DIRECT } = handle ?? {};
    this.#handle = fd < 0 ? null : handle;
    this.#fd = fd < 0 ? NOT_DIRECT : fd;
  }

  /**
   * The descriptor, while it may be written to: until anything else runs that could write to the socket or close it;
   * NOT_DIRECT at all other times. A closed socket has no handle, and its descriptor may be another socket's by now.
   */
  get descriptor(): number {
    const { socket } = this;
    return socket.writableLength === 0 && handleOf(socket) === this.#handle ? this.#fd : NOT_DIRECT;
  }

  /** Bytes that wait in this process for the socket to take them. */
  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  /** False when what waits should be drained before more is written, as a stream's `write` returns. */
  write(bytes: Buffer): boolean {
    const { descriptor } = this;
    const written = descriptor === NOT_DIRECT ? 0 : sendNow(descriptor, bytes);
    if (written === bytes.length) return true;
    return this.socket.write(written === 0 ? bytes : bytes.subarray(written));
  }
}

function isPlainTcp(socket: Duplex): boolean {
  return socket instanceof Socket && !(socket instanceof TLSSocket) && !socket.connecting;
}

function handleOf(socket: Duplex): Handle | null {
  const { _handle: handle = null } = socket as Duplex & { _handle?: Handle | null };
  return handle;
}

/** As {@link nativeSend}, by the means of every Node. */
export function writeNow(descriptor: number, bytes: Buffer): number {
  try {
    return writeSync(descriptor, bytes, 0, bytes.length, null);
  } catch {
    // EAGAIN: the peer does not read. Anything else happens to the stream again, which ends the connection by it.
    return 0;
  }
}
