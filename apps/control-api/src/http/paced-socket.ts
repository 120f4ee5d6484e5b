import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What the parser gets at a time while it awaits a request: some forty of the smallest. A chunk of the kernel has 2,500 of
 * them, which took 47 ms of CPU and 8 MB before the first was answered.
 */
const HEAD_PIECE_BYTES = 1024;
/** A body without a length may end anywhere in it. */
const CHUNKED_PIECE_BYTES = 4096;

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Handles the requests of one connection one at a time. HTTP/1.1 lets a client send further requests before the
 * answers (RFC 9112, 9.3.2); node:http parses and hands over all of them at once. Here what comes behind a request waits
 * unparsed until that is answered, and then in the kernel: a client that pipelines gets no more than one that waits.
 */
export class PacedSocket {
  readonly #socket: Socket;
  readonly #handle: Handle;
  readonly #maxRequests: number;
  readonly #parse: (piece: Buffer) => void;
  #held: Buffer[] = [];
  #current: Exchange | null = null;
  #waiting: Exchange[] = [];
  #started = 0;
  #bodyLeft = 0;
  #feeding = false;
  #paused = false;
  /** When the answer was complete that the client is taking; null while there is none. */
  #answeredAt: number | null = null;

  /** Takes over a new connection of node:http; it is closed after `maxRequests`. */
  constructor(socket: Socket, handle: Handle, maxRequests: number) {
    this.#socket = socket;
    this.#handle = handle;
    this.#maxRequests = maxRequests;
    const [parse] = socket.listeners('data') as ((piece: Buffer) => void)[];
    if (parse === undefined) throw new Error('node:http does not listen to the data of this connection');
    this.#parse = parse;
    socket.removeListener('data', parse);
    socket.on('data', (chunk: Buffer) => {
      this.#held.push(chunk);
      this.#feed();
    });
    socket.once('close', () => {
      this.#held = [];
      this.#waiting = [];
    });
  }

  /** Takes a request that was parsed. */
  onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#current === null) this.#start({ request, response });
    else this.#waiting.push({ request, response });
  }

  /** For how long the client has not taken a complete answer, in milliseconds; `now` is of the monotonic clock. */
  unreadFor(now: number): number {
    if (this.#current?.response.writableEnded !== true) return 0;
    this.#answeredAt ??= now;
    return now - this.#answeredAt;
  }

  #start(exchange: Exchange): void {
    this.#current = exchange;
    this.#answeredAt = null;
    const { request, response } = exchange;
    this.#bodyLeft = Number(request.headers['content-length'] ?? 0);
    // Not the server's maxRequestsPerSocket: that announces the close and leaves it to the client.
    this.#started += 1;
    if (this.#started >= this.#maxRequests) response.shouldKeepAlive = false;
    response.once('close', () => this.#next());
    this.#handle(request, response);
  }

  #next(): void {
    this.#current = null;
    // Not at once: answers that wait for nothing would follow each other without a look at any other connection.
    if (this.#waiting.length > 0 || this.#held.length > 0) setImmediate(() => this.#resume());
  }

  #resume(): void {
    if (this.#current !== null) return;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
    this.#feed();
  }

  /** Passes the parser what it may have now. */
  #feed(): void {
    if (this.#feeding) return;
    this.#feeding = true;
    while (this.#held.length > 0 && !this.#socket.destroyed && !this.#mustWait()) {
      const piece = this.#take();
      this.#bodyLeft -= piece.length;
      this.#parse(piece);
    }
    this.#feeding = false;
    this.#pause(this.#held.length > 0);
  }

  /** A request whose body is still coming needs what comes. */
  #mustWait(): boolean {
    return this.#waiting.length > 0 || (this.#current !== null && this.#current.request.complete);
  }

  #take(): Buffer {
    const [first = Buffer.alloc(0)] = this.#held;
    const bytes = this.#pieceBytes();
    if (first.length <= bytes) {
      this.#held.shift();
      return first;
    }
    this.#held[0] = first.subarray(bytes);
    return first.subarray(0, bytes);
  }

  #pieceBytes(): number {
    if (this.#current === null) return HEAD_PIECE_BYTES;
    if (this.#current.request.headers['content-length'] === undefined) return CHUNKED_PIECE_BYTES;
    return Math.max(HEAD_PIECE_BYTES, this.#bodyLeft);
  }

  #pause(paused: boolean): void {
    if (paused) this.#socket.pause();
    else if (this.#paused) this.#socket.resume();
    this.#paused = paused;
  }
}
