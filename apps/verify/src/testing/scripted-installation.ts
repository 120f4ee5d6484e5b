import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** A client's connection, with the `resume` frame that opened it, if any. */
export interface ScriptedConnection {
  clientId: string;
  socket: WebSocket;
  resume: Record<string, string> | undefined;
  /** It asked for presence. */
  watches: boolean;
}

export type Answer = { status: number; body: unknown };
type Handler = (request: { method: string; path: string; body: unknown }) => Answer | 'cut' | undefined;

/**
 * An installation that does wrong on demand, which a right one cannot: for tests that the tool sees it. It registers
 * whoever comes, and sends what the test says.
 */
export class ScriptedInstallation {
  readonly controlUrl: string;
  /** The topics of every registered client. */
  readonly clients = new Map<string, string[]>();
  readonly connections: ScriptedConnection[] = [];
  /** Asked first about every call; undefined leaves the answer to us. */
  answer: Handler = () => undefined;
  /** Refuses handshakes with a status, while it gives one. */
  refuse: () => { status: number; retryAfter: string } | undefined = () => undefined;
  /** Of each topic in a welcome after a resume. */
  recovered: { recovered: boolean; position?: string } = { recovered: true };
  /** Called after each welcome. */
  onWelcomed: (connection: ScriptedConnection) => void = () => {};
  readonly stop: () => void;
  #edgeUrl: string;

  private constructor(port: number, stop: () => void) {
    this.controlUrl = `http://127.0.0.1:${port}`;
    this.#edgeUrl = `ws://127.0.0.1:${port}`;
    this.stop = stop;
  }

  static async start(): Promise<ScriptedInstallation> {
    const server = createServer();
    const sockets = new WebSocketServer({ noServer: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const installation = new ScriptedInstallation((server.address() as AddressInfo).port, () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    });
    server.on('request', (request, response) => void installation.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => {
      const refusal = installation.refuse();
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nRetry-After: ${refusal.retryAfter}\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => installation.#onConnection(request, webSocket));
    });
    return installation;
  }

  /** Sends a message to every connection that wants the topic, or to those given. */
  send(
    topic: string,
    id: string,
    payloadText: string,
    to: readonly ScriptedConnection[] = this.subscribers(topic),
  ): void {
    const text = `{"type":"message","topic":"${topic}","id":"${id}","data":${payloadText}}`;
    for (const { socket } of to) socket.send(text);
  }

  subscribers(topic: string): ScriptedConnection[] {
    return this.connections.filter(({ clientId }) => this.clients.get(clientId)?.includes(topic));
  }

  #onConnection(request: IncomingMessage, socket: WebSocket): void {
    const clientId = String(request.headers.authorization).replace('Bearer ', '');
    const welcome = (resume: Record<string, string> | undefined) => {
      const connection = { clientId, socket, resume, watches: request.url?.includes('presence=1') === true };
      this.connections.push(connection);
      const state = resume === undefined ? { position: '0-0' } : { position: '0-0', ...this.recovered };
      const topics = Object.fromEntries((this.clients.get(clientId) ?? []).map((topic) => [topic, state]));
      socket.send(JSON.stringify({ type: 'welcome', connection: 'c', heartbeatMs: 25_000, topics }));
      this.onWelcomed(connection);
    };
    socket.on('close', () => {
      const index = this.connections.findIndex((one) => one.socket === socket);
      if (index !== -1) this.connections.splice(index, 1);
    });
    if (request.url?.includes('resume=1') === true) {
      socket.once('message', (data: Buffer) =>
        welcome((JSON.parse(data.toString()) as { positions: Record<string, string> }).positions),
      );
    } else {
      welcome(undefined);
    }
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks = (await request.toArray()) as Buffer[];
    const text = Buffer.concat(chunks).toString();
    const call = {
      method: request.method ?? '',
      path: request.url ?? '',
      body: text === '' ? undefined : JSON.parse(text),
    };
    const answer = this.answer(call) ?? this.#ownAnswer(call);
    if (answer === 'cut') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  #ownAnswer({ method, path, body }: { method: string; path: string; body: unknown }): Answer {
    if (path === '/v1/edges') {
      return { status: 200, body: { edges: [{ id: 'e', url: this.#edgeUrl, connections: 0, draining: false }] } };
    }
    if (method === 'POST' && path === '/v1/clients') {
      const { clientId, topics } = body as { clientId: string; topics: string[] };
      if (this.clients.has(clientId)) return { status: 409, body: { code: 'client-exists' } };
      this.clients.set(clientId, topics);
      return { status: 201, body: { clientId } };
    }
    if (method === 'DELETE' && path.startsWith('/v1/clients/')) {
      const isKnown = this.clients.delete(path.slice('/v1/clients/'.length));
      return isKnown ? { status: 200, body: {} } : { status: 409, body: { code: 'user-not-found' } };
    }
    return { status: 404, body: { code: 'route-not-found' } };
  }
}
