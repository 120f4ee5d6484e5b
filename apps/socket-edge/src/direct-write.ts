import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What libuv holds of a TCP socket. Node has no public name for it; a socket without one is written the ordinary way. */
interface Handle {
  readonly fd?: number;
}

/**
 * Writes to a socket whose queue is empty straight through its descriptor, in one system call and without the stream in
 * between; what the kernel does not take goes through the stream as ever, and so does everything while the stream still
 * has something: so the order stays. Nothing is kept and no error is lost: a write that fails is tried again by the
 * stream, which knows whom to tell. Only plain TCP: bytes past a TLSSocket would not be encrypted.
 *
 * Measured beside a stream's write, 150-byte frames to 15,000 sockets: 0.5 to 1.3 µs of user time in place of 1.3 to
 * 1.8 (3 to 6 by `ws.send`); the system call itself costs ten.
 */
export class DirectWriter {
  readonly #socket: Socket;
  readonly #handle: Handle;
  readonly #fd: number;

  private constructor(socket: Socket, handle: Handle, fd: number) {
    this.#socket = socket;
    this.#handle = handle;
    this.#fd = fd;
  }

  /** Null for a socket that cannot be written so. */
  static of(socket: Duplex): DirectWriter | null {
    if (!(socket instanceof Socket) || socket instanceof TLSSocket) return null;
    const handle = handleOf(socket);
    return handle?.fd === undefined || handle.fd < 0 ? null : new DirectWriter(socket, handle, handle.fd);
  }

  /** False when what waits should be drained before more is written, as a stream's write gives. */
  write(bytes: Buffer): boolean {
    const written = this.#idle ? writeNow(this.#fd, bytes) : 0;
    if (written === bytes.length) return true;
    return this.#socket.write(written === 0 ? bytes : bytes.subarray(written));
  }

  /** A closed socket has no handle, and its descriptor may be somebody else's by now. */
  get #idle(): boolean {
    return this.#socket.writableLength === 0 && !this.#socket.connecting && handleOf(this.#socket) === this.#handle;
  }
}

function handleOf(socket: Socket): Handle | null {
  const { _handle: handle = null } = socket as Socket & { _handle?: Handle | null };
  return handle;
}

/** How many bytes the kernel took. */
function writeNow(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes, 0, bytes.length, null);
  } catch {
    // EAGAIN: the peer does not read. Anything else happens to the stream again, which ends the connection by it.
    return 0;
  }
}
