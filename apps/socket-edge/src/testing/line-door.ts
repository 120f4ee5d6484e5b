import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LivePayload } from '@holdfast/broker/live-payload';
import type { WebSocket } from 'ws';
import { ConnectionList } from '../connection/connection-list.ts';
import { Sender } from '../connection/sender.ts';
import type { Counters } from '../counters.ts';
import type { Door, DoorDeps } from '../door.ts';
import type { Watchers, WatchersDeps } from '../presence/watchers.ts';
import { Subscription, type Subscriber, SubscriptionSet, type SubscriberMember } from '../topic/subscription.ts';
import { textFrame } from '../transport/frames.ts';
import type { SocketHandler } from '../transport/socket-handler.ts';
import type { Transport } from '../transport/transport.ts';
import { bindSocket, createSocketServer } from '../transport/ws-transport.ts';

export const LINE_CODES = { badFrame: 4901, tooMany: 4902, slow: 4903, drain: 4904 } as const;

/** A connection of the protocol of {@link LineDoor}. */
export class LineConnection extends Sender implements Subscriber {
  readonly clientId = '';
  readonly id: string;
  readonly subscriptions = new SubscriptionSet();
  registryIndex = -1;
  unanswered = 0;
  readonly isMember: boolean;

  constructor(id: string, isMember: boolean, transport: Transport, counters: Counters) {
    super(transport, 'open', counters);
    this.id = id;
    this.isMember = isMember;
  }

  close(code: number): void {
    this.end(true);
    this.transport.close(code, '');
  }

  closeSlow(): void {
    this.close(LINE_CODES.slow);
  }

  closeForDrain(): void {
    this.close(LINE_CODES.drain);
  }

  end(isFinal = false): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    for (const subscription of this.subscriptions.values()) subscription.topic.leave(subscription, isFinal);
    this.subscriptions.clear();
  }

  announceLost(): void {
    this.sendFrame(textFrame('lost'));
  }

  unsubscribe(subscription: Subscription): void {
    this.subscriptions.delete(subscription.topic.name);
    subscription.topic.leave(subscription, true);
  }

  memberOn(): SubscriberMember | null {
    return this.isMember ? { id: this.id, info: null } : null;
  }

  sees(): boolean {
    return !this.isMember;
  }

  protected lag(): void {
    for (const subscription of this.subscriptions.values()) subscription.topic.lag(subscription);
  }

  protected catchUp(): void {
    for (const subscription of this.subscriptions.values()) subscription.topic.catchUp(subscription);
  }
}

/** Shows each watcher the snapshot as it was when it came, as a line of JSON. */
class LineWatchers implements Watchers {
  readonly version = null;
  readonly isIgnorant = false;
  readonly #readSnapshot: WatchersDeps['readSnapshot'];
  readonly #watching = new Set<Subscription>();

  constructor(readSnapshot: WatchersDeps['readSnapshot']) {
    this.#readSnapshot = readSnapshot;
  }

  get size(): number {
    return this.#watching.size;
  }

  has(subscription: Subscription): boolean {
    return this.#watching.has(subscription);
  }

  add(subscription: Subscription): void {
    this.#watching.add(subscription);
    void this.#show(subscription);
  }

  delete(subscription: Subscription): void {
    this.#watching.delete(subscription);
  }

  clear(): void {
    this.#watching.clear();
  }

  forget(): void {
    // It knows nothing.
  }

  onReady(): void {
    // It shows nothing but the snapshot.
  }

  onLive(): void {
    for (const subscription of this.#watching) void this.#show(subscription);
  }

  refresh(): void {
    this.onLive();
  }

  async #show({ subscriber }: Subscription): Promise<void> {
    const snapshot = await this.#readSnapshot();
    subscriber.sendFrame(textFrame(JSON.stringify(snapshot?.members?.map(({ id }) => id))));
  }
}

/**
 * The smallest door: at /line/<topic>/<incarnation> a connection is subscribed to a topic, and gets back what it sends. It is a
 * member where there is presence, and with /guest behind it watches who is one.
 */
export class LineDoor implements Door, SocketHandler<LineConnection> {
  readonly connections = new ConnectionList<LineConnection>();
  readonly live: (readonly [topic: string, payload: LivePayload])[] = [];
  readonly badFrames: string[] = [];
  readonly deps: DoorDeps;
  tended = 0;
  running = false;
  readonly #sockets;
  #opened = 0;

  constructor(deps: DoorDeps) {
    this.deps = deps;
    const limits = { framesPerSecond: 100, bytesPerSecond: 100_000 };
    this.#sockets = createSocketServer(limits, { maxPayload: 1000, subprotocols: false });
  }

  has(path: string): boolean {
    return path.startsWith('/line/');
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const wanted = request.url?.split('/').slice(2) ?? [];
    this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#bind(ws, socket, wanted));
  }

  onLive(topic: string, payload: LivePayload): void {
    this.live.push([topic, payload]);
  }

  subscriptionOf(topic: string, id: string): Subscription | undefined {
    const all = this.connections.slice(0, this.connections.size);
    return all.find((connection) => connection.id === id)?.subscriptions.get(topic);
  }

  watchers({ readSnapshot }: WatchersDeps): Watchers {
    return new LineWatchers(readSnapshot);
  }

  details() {
    return { appConnections: { line: this.connections.size } };
  }

  tend(): Promise<void> {
    this.tended += 1;
    return Promise.resolve();
  }

  start(): () => void {
    this.running = true;
    return () => (this.running = false);
  }

  onText(connection: LineConnection, text: string): void {
    connection.sendFrame(textFrame(text));
  }

  onBadFrame(connection: LineConnection, why: string): void {
    this.badFrames.push(why);
    connection.close(LINE_CODES.badFrame);
  }

  onTooManyFrames(connection: LineConnection): void {
    connection.close(LINE_CODES.tooMany);
  }

  onPong(): void {
    // Nothing is asked of its clients.
  }

  onDrain(connection: LineConnection): void {
    connection.onDrain();
  }

  onClosed(connection: LineConnection): void {
    connection.end();
    this.connections.remove(connection);
  }

  #bind(ws: WebSocket, socket: Duplex, [name = '', incarnation = '', guest]: readonly string[]): void {
    const { topics, counters, onError } = this.deps;
    const open = (transport: Transport): LineConnection => {
      this.#opened += 1;
      const connection = new LineConnection(`line.${this.#opened}`, guest === undefined, transport, counters);
      this.connections.add(connection);
      return connection;
    };
    bindSocket(ws, socket, { handler: this, direct: true, open });
    const connection = this.connections.slice(this.connections.size - 1, 1)[0];
    if (connection === undefined || name === '') return;
    const topic = topics.open(name, incarnation);
    const join = () => {
      const subscription = new Subscription(topic, connection, `0-0 ${incarnation}`, topic.lastSent);
      connection.subscriptions.add(subscription);
      topic.join(subscription);
      topic.release();
      connection.sendFrame(textFrame('subscribed'));
    };
    topic.ready.then(join, onError);
  }
}
