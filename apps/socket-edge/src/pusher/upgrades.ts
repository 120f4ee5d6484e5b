import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { checkUpgrade } from '../http/handshake.ts';
import { refuse } from '../http/refusal.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import type { FrameLimits } from '../transport/frame-meter.ts';
import type { SocketHandler } from '../transport/socket-handler.ts';
import type { Transport } from '../transport/transport.ts';
import { type SocketServer, bindSocket, createSocketServer } from '../transport/ws-transport.ts';
import type { PusherConnection } from './connection.ts';
import { type AppHandshake, readAppHandshake } from './handshake.ts';

/** Node puts no time-out on an upgrade request. */
const HANDSHAKE_DEADLINE_MS = 10_000;
/** The data of an event may be raised to 64 KiB, and its frame has more: one that is too large is refused, not the end. */
const MAX_FRAME_BYTES = 128 * 1024;

/** What becomes of the sockets. */
export interface DoorHandler extends SocketHandler<PusherConnection> {
  /** A WebSocket is open. */
  open(transport: Transport, handshake: AppHandshake): PusherConnection;
}

export interface UpgradesDeps {
  allowedOrigins: readonly string[];
  /** Whether idle plain-TCP sockets are written past their streams. */
  directWrites: boolean;
  /** What one connection may send. */
  frames: FrameLimits;
  slicer: TimeSlicer;
  handler: DoorHandler;
  onError: (error: unknown) => void;
}

/** Makes WebSockets of requests for an upgrade. Only what is no WebSocket handshake at all is refused in HTTP. */
export class Upgrades {
  readonly #deps: UpgradesDeps;
  readonly #sockets: SocketServer;

  constructor(deps: UpgradesDeps) {
    this.#deps = deps;
    this.#sockets = createSocketServer(deps.frames, { maxPayload: MAX_FRAME_BYTES, subprotocols: false });
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The first statement: a reset in the middle would otherwise end the process.
    socket.on('error', destroy);
    const deadline = setTimeout(() => socket.destroy(), HANDSHAKE_DEADLINE_MS);
    // Thousands of requests may be read in one turn of the event loop: there they are only noted.
    const done = this.#deps.slicer.run(() => {
      clearTimeout(deadline);
      if (!socket.destroyed) this.#upgrade(request, socket, head);
    });
    done.catch((error: unknown) => {
      socket.destroy();
      this.#deps.onError(error);
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { allowedOrigins, directWrites: direct, handler } = this.#deps;
    const malformed = checkUpgrade(request);
    if (malformed !== null) {
      refuse(socket, malformed);
      return;
    }
    const handshake = readAppHandshake(request, allowedOrigins);
    // ws takes this header in fewer forms than there are. No client of this protocol offers subprotocols.
    request.headers.upgrade = 'websocket';
    delete request.headers['sec-websocket-protocol'];
    // The answer and the first frame leave as one write.
    socket.cork();
    process.nextTick(uncork, socket);
    socket.removeListener('error', destroy);
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      bindSocket(ws, socket, { handler, direct, open: (transport) => handler.open(transport, handshake) });
    });
  }
}

/** One function for all sockets: a closure would stay with each. */
function destroy(this: Duplex): void {
  this.destroy();
}

function uncork(socket: Duplex): void {
  socket.uncork();
}
