import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { EVENT } from '../prove/pusher/member.ts';
import { payloadOf } from '../prove/payload.ts';

interface Client {
  socket: WebSocket;
  channels: Set<string>;
}

/** The least of a server of the Pusher protocol, which can be made to break its promises. */
export class PlantedDoor {
  readonly #server: WebSocketServer;
  readonly #clients = new Set<Client>();
  #connections = 0;
  /** What a new connection gets in place of `connection_established`: an error of this code, and the close with it. */
  refuseWith: number | null = null;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => this.#take(socket));
  }

  static async start(): Promise<PlantedDoor> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return new PlantedDoor(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Handshakes so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Sends a message to the subscribers of a channel, but for the first `except` of them. */
  publish(channel: string, token: string, except = 0): void {
    const data = JSON.stringify(payloadOf(token, 10));
    const subscribers = [...this.#clients].filter(({ channels }) => channels.has(channel));
    for (const { socket } of subscribers.slice(except)) send(socket, EVENT, channel, data);
  }

  /** Sends a message to the first subscriber alone. */
  publishToFirst(channel: string, token: string): void {
    const first = [...this.#clients].find(({ channels }) => channels.has(channel));
    if (first !== undefined) send(first.socket, EVENT, channel, JSON.stringify(payloadOf(token, 10)));
  }

  /** Sends any frame to all. */
  sendToAll(text: string): void {
    for (const { socket } of this.#clients) socket.send(text);
  }

  /** Closes all connections: with a code, or without a word. */
  drop(code?: number): void {
    for (const { socket } of this.#clients) {
      if (code === undefined) socket.terminate();
      else socket.close(code);
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take(socket: WebSocket): void {
    this.#connections += 1;
    if (this.refuseWith !== null) {
      socket.send(JSON.stringify({ event: 'pusher:error', data: { code: this.refuseWith, message: 'planted' } }));
      socket.close(this.refuseWith);
      return;
    }
    const client: Client = { socket, channels: new Set() };
    this.#clients.add(client);
    socket.on('close', () => this.#clients.delete(client));
    socket.on('message', (text: Buffer) => {
      const { event, data } = JSON.parse(text.toString()) as { event: string; data: { channel: string } };
      if (event !== 'pusher:subscribe') return;
      client.channels.add(data.channel);
      send(socket, 'pusher_internal:subscription_succeeded', data.channel, '{}');
    });
    const established = { socket_id: `1.${this.#connections}`, activity_timeout: 120 };
    socket.send(JSON.stringify({ event: 'pusher:connection_established', data: JSON.stringify(established) }));
  }
}

function send(socket: WebSocket, event: string, channel: string, data: string): void {
  socket.send(JSON.stringify({ event, channel, data }));
}
