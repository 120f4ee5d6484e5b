import type { Duplex } from 'node:stream';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { MAX_CLIENT_FRAME_BYTES } from '@holdfast/protocol/limits';
import { WebSocket, WebSocketServer } from 'ws';
import type { Transport } from './transport.ts';
import { SocketWriter } from './direct-write.ts';
import { meterReceivers } from './metered-receiver.ts';
import { FrameMeter, type FrameDebt, type FrameLimits } from './frame-meter.ts';
import { chooseSubprotocol } from '../http/handshake.ts';
import type { SocketConnection, SocketHandler } from './socket-handler.ts';

/** A dead peer never answers the closing handshake. */
const CLOSE_TIMEOUT_MS = 5000;
/** A frame in tiny pieces costs far more memory than its bytes; no client of ours sends pieces at all. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 1024;
/** RFC 6455, section 7.4.1: what ws reports when no close frame came from the client. */
const NO_CLOSE_FRAME = 1006;
/** RFC 6455, section 7.4.1. A client that closes with it, or without a code, does so on purpose. */
const NORMAL_CLOSURE = 1000;
/** RFC 6455, section 7.4.1: what ws closes with when a frame breaks the protocol, is not UTF-8, has too many pieces, or is too large. */
const BROKEN_FRAME_CODES = new Set<number | undefined>([1002, 1007, 1008, 1009]);

/** What a connection's WebSocket belongs to. */
interface Owner {
  handler: SocketHandler<SocketConnection>;
  connection: SocketConnection;
}

/**
 * A connection's WebSocket. Events of ws go to its owner by `emit`, without a listener of its own for each
 * event: listeners and their closures would cost each idle connection several hundred bytes.
 */
abstract class EdgeSocket extends WebSocket implements FrameDebt {
  /** Where Node keeps listeners, made when there is one: the empty object that its constructor makes takes 184 bytes. */
  _events = undefined;
  owner: Owner | null = null;
  frameDebt = 0;
  byteDebt = 0;
  debtAt = 0;
  overSince = 0;
  abstract readonly meter: FrameMeter;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.owner === null) return false;
    const { handler, connection } = this.owner;
    if (event === 'message') onMessage(handler, connection, args[0], args[1] === true);
    else if (event === 'pong') onPong(handler, connection, args[0]);
    else if (event === 'ping') connection.unanswered = 0;
    else if (event === 'close') handler.onClosed(connection, args[0] !== NO_CLOSE_FRAME);
    // A broken frame or a reset; `close` follows, and is enough.
    else if (event === 'error') connection.end();
    return true;
  }

  /**
   * ws calls this with a code of its own when a frame is broken; the handler has the code that clients are promised for all
   * of that. With a reason it answers a client that closes with such a code.
   */
  override close(code?: number, data?: string | Buffer): void {
    const { owner } = this;
    if (data === undefined && code === closeCodes.tooManyFrames.code) {
      owner?.handler.onTooManyFrames(owner.connection);
    } else if (data === undefined && BROKEN_FRAME_CODES.has(code)) {
      owner?.handler.onBadFrame(owner.connection, 'broken, too large, or in too many pieces');
    } else {
      // Also when the client closes: after a close frame nothing may be sent (RFC 6455, section 5.5.1).
      owner?.connection.end(data === undefined ? code === undefined : code === NORMAL_CLOSURE, 'closed');
    }
    // Does nothing more when the handler has closed it.
    super.close(code, data);
  }
}

function onPong(handler: Owner['handler'], connection: SocketConnection, payload: unknown): void {
  connection.unanswered = 0;
  if (Buffer.isBuffer(payload) && payload.length > 0) handler.onPong(connection, payload);
}

function onMessage(handler: Owner['handler'], connection: SocketConnection, data: unknown, isBinary: boolean): void {
  connection.unanswered = 0;
  if (isBinary) handler.onBadFrame(connection, 'binary');
  else if (Buffer.isBuffer(data)) handler.onText(connection, data.toString());
}

/**
 * The sending side of a connection. That its descriptor is looked at without a look at ws, which would be one more object
 * to fetch, is safe: before a close frame of ours the connection has ended. A client that goes without one, by a FIN
 * alone, may still be sent something until its socket is closed.
 */
class WsTransport extends SocketWriter implements Transport {
  readonly #ws: EdgeSocket;
  #awaitsDrain = false;

  constructor(ws: EdgeSocket, socket: Duplex, direct: boolean) {
    super(socket, direct);
    this.#ws = ws;
  }

  /** The frames are whole and uncompressed, so they go past ws straight to the socket, in order with what ws sends. */
  send(frames: Buffer): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (this.write(frames) || this.#awaitsDrain) return;
    // Only while there is something to wait for: a listener on each idle socket costs memory.
    this.#awaitsDrain = true;
    this.socket.once('drain', () => {
      this.#awaitsDrain = false;
      const { owner } = this.#ws;
      if (owner) owner.handler.onDrain(owner.connection);
    });
  }

  /** ws leaves alone what closes already: a client that goes by a FIN alone, and reads no more, would never be gone. */
  close(code: number, reason: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.close(code, reason);
    else this.#ws.terminate();
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

export type SocketServer = WebSocketServer;

export interface SocketServerOptions {
  /** Bytes of the largest message that a client may send. */
  maxPayload?: number;
  /** Whether one of the subprotocols that are offered is chosen. */
  subprotocols?: boolean;
}

/** The server side of ws: without a port of its own, without compression, with bounds for everything. */
export function createSocketServer(
  limits: FrameLimits,
  { maxPayload = MAX_CLIENT_FRAME_BYTES, subprotocols = true }: SocketServerOptions = {},
): SocketServer {
  meterReceivers();
  const frameMeter = new FrameMeter(limits);
  /** One meter for all, so it belongs to their class and costs none of them a field. */
  class MeteredEdgeSocket extends EdgeSocket {
    get meter(): FrameMeter {
      return frameMeter;
    }
  }
  // A constant first, because the types of ws do not know `closeTimeout` yet.
  const options = {
    noServer: true,
    WebSocket: MeteredEdgeSocket,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (offered: Set<string>) => (subprotocols && chooseSubprotocol([...offered])) || false,
  };
  return new WebSocketServer(options);
}

export interface Binding<C extends SocketConnection> {
  handler: SocketHandler<C>;
  /** Whether idle plain-TCP sockets are written past their streams. */
  direct: boolean;
  /** Begins the connection. */
  open: (transport: Transport) => C;
}

/** Ties a finished handshake to its connection. */
export function bindSocket<C extends SocketConnection>(
  ws: WebSocket,
  socket: Duplex,
  { handler, direct, open }: Binding<C>,
): void {
  if (!(ws instanceof EdgeSocket)) throw new TypeError('not a socket of createSocketServer');
  ws.owner = { handler, connection: open(new WsTransport(ws, socket, direct)) };
}
