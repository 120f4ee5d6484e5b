import type { Duplex } from 'node:stream';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { MAX_CLIENT_FRAME_BYTES } from '@holdfast/protocol/limits';
import { WebSocket, WebSocketServer } from 'ws';
import type { Connection, Transport } from './connection.ts';
import { PING_FRAME } from './frames.ts';
import { chooseSubprotocol } from './handshake.ts';
import type { Hub } from './hub.ts';

/** A dead peer never answers the closing handshake. */
const CLOSE_TIMEOUT_MS = 5000;
/** A frame in tiny pieces costs far more memory than its bytes; no client of ours sends pieces at all. */
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 1024;
/** RFC 6455, section 7.4.1: what ws closes with when a frame breaks the protocol, is not UTF-8, has too many pieces, or is too large. */
const BROKEN_FRAME_CODES = new Set<number | undefined>([1002, 1007, 1008, 1009]);

/**
 * A connection's WebSocket. It knows its connection by a field and not by closures, which would cost each idle
 * connection several hundred bytes.
 */
class EdgeSocket extends WebSocket {
  connection: Connection | null = null;
  hub: Hub | null = null;

  /**
   * ws calls this with a code of its own when a frame is broken; clients are promised one code for all of that. With a
   * reason it answers a client that closes with such a code.
   */
  override close(code?: number, data?: string | Buffer): void {
    if (data !== undefined || !BROKEN_FRAME_CODES.has(code)) {
      super.close(code, data);
      return;
    }
    if (this.connection && this.hub) this.hub.onBadFrame(this.connection, 'broken, too large, or in too many pieces');
    super.close(closeCodes.badFrame.code, closeCodes.badFrame.reason);
  }
}

class WsTransport implements Transport {
  readonly #ws: EdgeSocket;
  readonly #socket: Duplex;

  constructor(ws: EdgeSocket, socket: Duplex) {
    this.#ws = ws;
    this.#socket = socket;
  }

  /** The frames are whole and uncompressed, so they go past ws straight to the socket, in order with what ws sends. */
  send(frames: Buffer): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#socket.write(frames);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  ping(): void {
    this.send(PING_FRAME);
  }
}

export type SocketServer = WebSocketServer;

/** The server side of ws: without a port of its own, without compression, with bounds for everything. */
export function createSocketServer(): SocketServer {
  // A constant first, because the types of ws do not know `closeTimeout` yet.
  const options = {
    noServer: true,
    WebSocket: EdgeSocket,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_CLIENT_FRAME_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: (offered: Set<string>) => chooseSubprotocol([...offered]) ?? false,
  };
  return new WebSocketServer(options);
}

/** Ties a finished handshake to its connection. */
export function bindSocket(ws: WebSocket, socket: Duplex, hub: Hub, open: (transport: Transport) => Connection): void {
  if (!(ws instanceof EdgeSocket)) throw new TypeError('not a socket of createSocketServer');
  ws.hub = hub;
  ws.on('message', onMessage);
  ws.on('pong', onPong);
  ws.on('ping', onPong);
  ws.on('close', onClose);
  ws.on('error', onError);
  const transport = new WsTransport(ws, socket);
  const connection = open(transport);
  ws.connection = connection;
  socket.on('drain', () => hub.onDrain(connection));
}

function onMessage(this: WebSocket, data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean): void {
  const { connection, hub } = this as EdgeSocket;
  if (connection === null || hub === null) return;
  connection.unanswered = 0;
  if (isBinary) hub.onBadFrame(connection, 'binary');
  else if (Buffer.isBuffer(data)) hub.onText(connection, data.toString());
}

function onPong(this: WebSocket): void {
  const { connection } = this as EdgeSocket;
  if (connection) connection.unanswered = 0;
}

function onClose(this: WebSocket): void {
  const { connection, hub } = this as EdgeSocket;
  if (connection && hub) hub.onClosed(connection);
}

/** What ws makes of a broken frame or a reset; `close` follows, and says all there is to say. */
function onError(this: WebSocket): void {
  const { connection } = this as EdgeSocket;
  connection?.end();
}
