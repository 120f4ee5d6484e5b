import type { AddressInfo } from 'node:net';
import type { DownFrame } from '@holdfast/protocol/down';
import { type WebSocket, WebSocketServer } from 'ws';

/** Taken before any test fakes the clock. */
const { setTimeout: realTimeout } = globalThis;
const LOOK_EVERY_MS = 2;

/** Waits until `look` gives something; the test's own time-out ends it otherwise. */
export async function eventually<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => realTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** One connection at the scripted edge: what it received, and frames to send on it. */
export class Peer {
  readonly url: URL;
  readonly offered: string[];
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly received: unknown[] = [];
  isClosed = false;
  closeCode: number | undefined;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, url: string, headers: NodeJS.Dict<string | string[]>) {
    this.#socket = socket;
    this.url = new URL(url, 'ws://edge');
    this.headers = headers;
    this.offered = String(headers['sec-websocket-protocol'] ?? '').split(/, */);
    socket.on('message', (data: Buffer) => this.received.push(JSON.parse(data.toString())));
    socket.on('close', (code: number) => {
      this.isClosed = true;
      this.closeCode = code;
    });
  }

  send(...frames: DownFrame[]): void {
    for (const frame of frames) this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  welcome(
    topics: Record<string, { position: string; recovered?: boolean }> = {},
    heartbeatMs = 25_000,
    expiresInMs?: number,
  ): void {
    this.send({ type: 'welcome', connection: 'c', heartbeatMs, topics, expiresInMs });
  }

  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** Without a close frame. */
  cut(): void {
    this.#socket.terminate();
  }
}

/** The other side of the protocol, spoken by the test: a real WebSocket server that sends only what the test sends. */
export class ScriptedEdge implements AsyncDisposable {
  readonly peers: Peer[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      this.peers.push(new Peer(socket, request.url ?? '', request.headers));
    });
  }

  static async start(): Promise<ScriptedEdge> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: (offered) => offered.has('holdfast.v1') && 'holdfast.v1',
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return new ScriptedEdge(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The connection of that number, once it is there; the first is 0. */
  peer(number: number): Promise<Peer> {
    return eventually(() => this.peers[number]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
