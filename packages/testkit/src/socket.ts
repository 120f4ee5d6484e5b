import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** What a frame is waited for, by default. */
const NEXT_MS = 30_000;

export interface SocketOptions {
  /** The client's UUID, given as `?client=`. */
  client?: string;
  /** Opens with `?resume=1`; the test then sends the `resume` frame. */
  resume?: boolean;
  /** More of the query. */
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  protocols?: readonly string[];
  /** The address this end binds: 127.0.0.2, say. */
  localAddress?: string;
  /** False: WebSocket pings go unanswered. */
  autoPong?: boolean;
}

/** A frame of the edge. */
export interface Frame {
  type: string;
  [field: string]: unknown;
}

/** The answer to a handshake that was refused in HTTP. */
export interface Refusal {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Thrown by {@link openSocket} when the edge answers in HTTP. */
export class HandshakeRefused extends Error implements Refusal {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;

  constructor({ status, headers, body }: Refusal) {
    super(`the handshake was refused with ${status}: ${body}`);
    this.name = 'HandshakeRefused';
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/**
 * Opens a connection and records every frame from the first. `url` is an edge (`ws://…` or `http://…`); without a path
 * it gets `/v1/connect`. Rejects with {@link HandshakeRefused}, or with the error of the connection.
 */
export async function openSocket(url: string, options: SocketOptions = {}): Promise<TestSocket> {
  const ws = new WebSocket(target(url, options), [...(options.protocols ?? [])], {
    headers: { ...options.headers },
    autoPong: options.autoPong ?? true,
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
  });
  // Made before the handshake is answered: the first frame may come in the same packet.
  const socket = new TestSocket(ws);
  const refused = Promise.withResolvers<never>();
  ws.once('unexpected-response', (request, response) => {
    refusalIn(response)
      .then((refusal) => refused.reject(new HandshakeRefused(refusal)), refused.reject)
      .finally(() => request.destroy());
  });
  await Promise.race([once(ws, 'open'), refused.promise]);
  return socket;
}

/** The answer in HTTP to a handshake that must not succeed. Rejects when it does. */
export async function refusedHandshake(url: string, options: SocketOptions = {}): Promise<Refusal> {
  let socket: TestSocket;
  try {
    socket = await openSocket(url, options);
  } catch (error) {
    if (error instanceof HandshakeRefused) return error;
    throw error;
  }
  socket.terminate();
  throw new Error('the handshake was accepted');
}

/** One WebSocket of a test. */
export class TestSocket {
  /** The socket itself: for raw sends, `pause()` and the like. */
  readonly ws: WebSocket;
  /** Every frame so far, parsed. */
  readonly frames: Frame[] = [];
  /** The text of every frame so far, byte for byte. */
  readonly texts: string[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #taken = 0;
  #arrival = Promise.withResolvers<void>();

  constructor(ws: WebSocket) {
    this.ws = ws;
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    // The default binaryType: what comes is a Buffer.
    ws.on('message', (data: Buffer, isBinary) => {
      const text = isBinary ? '' : data.toString();
      this.texts.push(text);
      this.frames.push(isBinary ? { type: '(binary)' } : (JSON.parse(text) as Frame));
      this.#wake();
    });
    ws.on('close', () => this.#wake());
    // A cut connection ends in `closed` with 1006; its error has nothing to add.
    ws.on('error', () => this.#wake());
  }

  /**
   * The next frame, after the one it gave last, that is of this type or meets this condition; frames between are
   * passed over. Rejects when the connection ends first, or after `timeoutMs`, with what came instead.
   */
  async next(wanted: string | ((frame: Frame) => boolean), { timeoutMs = NEXT_MS } = {}): Promise<Frame> {
    const fits = typeof wanted === 'string' ? (frame: Frame) => frame.type === wanted : wanted;
    const from = this.#taken;
    const timeout = new AbortController();
    const late = delay(timeoutMs, 'late' as const, { signal: timeout.signal });
    // It is aborted when nothing may wait for it any more.
    late.catch(() => undefined);
    try {
      for (;;) {
        while (this.#taken < this.frames.length) {
          const frame = this.frames[this.#taken];
          this.#taken += 1;
          if (frame !== undefined && fits(frame)) return frame;
        }
        const came = this.texts.slice(from).join('\n') || 'nothing';
        if (this.ws.readyState === WebSocket.CLOSED) {
          const { code, reason } = await this.closed;
          throw new Error(`closed with ${code} ${reason} before ${String(wanted)}; came: ${came}`);
        }
        if ((await Promise.race([this.#arrival.promise, late])) === 'late') {
          throw new Error(`no ${String(wanted)} within ${timeoutMs} ms; came: ${came}`);
        }
      }
    } finally {
      timeout.abort();
    }
  }

  /** Sends a frame: a text as it is, anything else as JSON. */
  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Closes in good order and waits for the end. */
  async close(code = 1000): Promise<{ code: number; reason: string }> {
    this.ws.close(code);
    return this.closed;
  }

  /** Cuts the connection. */
  terminate(): void {
    this.ws.terminate();
  }

  #wake(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers<void>();
  }
}

function target(url: string, { client, resume, query }: SocketOptions): URL {
  const address = new URL(url.replace(/^http/, 'ws'));
  if (address.pathname === '/') address.pathname = '/v1/connect';
  if (client !== undefined) address.searchParams.set('client', client);
  if (resume === true) address.searchParams.set('resume', '1');
  for (const [name, value] of Object.entries(query ?? {})) address.searchParams.set(name, value);
  return address;
}

async function refusalIn(response: IncomingMessage): Promise<Refusal> {
  response.setEncoding('utf8');
  let body = '';
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
