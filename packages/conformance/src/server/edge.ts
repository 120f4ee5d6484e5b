import { once } from 'node:events';
import { type IncomingMessage, type Server, STATUS_CODES, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { CONNECT_PATH, CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import { WebSocketServer } from 'ws';
import { Connection, type ConnectionOptions } from './connection.ts';

/** What a client connects with, held until a step accepts or refuses it. */
export interface Handshake {
  /** Number of the edge. */
  readonly edge: number;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Client ids, of all the ways in which one may be given. */
  readonly clientIds: readonly string[];
  /** Offered subprotocols. */
  readonly offered: readonly string[];
  readonly at: number;
  /** Whether the client has given it up. */
  isGone: () => boolean;
  accept: (options: ConnectionOptions) => Promise<Connection>;
  refuse: (status: number, code: string, retryAfter: number | undefined) => void;
}

/** A WebSocket server that does nothing by itself but hand over each handshake. */
export class Edge implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(number: number, onHandshake: (handshake: Handshake) => void): Promise<Edge> {
    const server = createServer((_request, response) => response.writeHead(426).end());
    const edge = new Edge(server);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // A client may go while its handshake waits for a step. Its end is seen only while the socket is read.
      socket.on('error', () => socket.destroy());
      socket.resume();
      edge.#sockets.add(socket);
      onHandshake(handshakeOf(number, request, socket, head));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return edge;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function handshakeOf(edge: number, request: IncomingMessage, socket: Duplex, head: Buffer): Handshake {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'ws://edge');
  const offered = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  return {
    edge,
    path: pathname === '/' ? CONNECT_PATH : pathname,
    query: searchParams,
    clientIds: [
      ...searchParams.getAll('client'),
      ...[/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]].filter((id) => id !== undefined),
      ...offered
        .filter((name) => name.startsWith(CREDENTIAL_SUBPROTOCOL_PREFIX))
        .map((name) => name.slice(CREDENTIAL_SUBPROTOCOL_PREFIX.length)),
    ],
    offered,
    at: performance.now(),
    isGone: () => socket.readableEnded || socket.destroyed,
    accept: (options) =>
      new Promise((resolve) => {
        const server = new WebSocketServer({
          noServer: true,
          perMessageDeflate: false,
          autoPong: !options.mute,
          handleProtocols: (names) => names.has(SUBPROTOCOL) && SUBPROTOCOL,
        });
        server.handleUpgrade(request, socket, head, (webSocket) => resolve(new Connection(webSocket, options)));
      }),
    refuse: (status, code, retryAfter) => {
      const body = JSON.stringify({ type: 'about:blank', title: code, status, code });
      const headers = [
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
        'Content-Type: application/problem+json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
        ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
      ];
      socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
    },
  };
}
