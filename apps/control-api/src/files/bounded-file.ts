import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** A hundred thousand keys. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A mount that hangs may do so for ever. */
const MAX_READ_MS = 5_000;
const CHUNK_BYTES = 64 * 1024;

/** A small text file that is read repeatedly, each time within a bound of bytes and of time. */
export class BoundedFile {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #maxMs: number;
  #reading = false;

  constructor(path: string, { maxBytes = MAX_BYTES, maxMs = MAX_READ_MS } = {}) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#maxMs = maxMs;
  }

  /**
   * The text of the file. Rejects when it is no regular file, too long, or does not come in time; then later reads
   * reject as long as that one has not come back, so that at most one thread of the pool hangs.
   */
  async read(): Promise<string> {
    if (this.#reading) throw new Error('an earlier read of it has not come back yet');
    this.#reading = true;
    const reading = readText(this.path, this.#maxBytes).finally(() => {
      this.#reading = false;
    });
    // A read that fails after its time-out must not count as an unhandled rejection.
    reading.catch(() => undefined);
    const timer = new AbortController();
    const late = delay(this.#maxMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`it could not be read within ${this.#maxMs} ms`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([reading, late]);
    } finally {
      timer.abort();
    }
  }
}

async function readText(path: string, maxBytes: number): Promise<string> {
  // Non-blocking: opening a FIFO would wait for a writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is not a regular file');
    return await readAll(handle, maxBytes);
  } finally {
    await handle.close();
  }
}

async function readAll(handle: FileHandle, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for (let bytes = 0; ;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
    bytes += bytesRead;
    if (bytes > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}
