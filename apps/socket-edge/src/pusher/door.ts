import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { channelOfTopic, channelKind, onlineChannel, socketId } from '@holdfast/protocol/pusher-channels';
import { ConnectionList } from '../connection/connection-list.ts';
import type { Door, DoorDeps } from '../door.ts';
import { checkUpgrade } from '../http/handshake.ts';
import { refuse } from '../http/refusal.ts';
import type { Watchers, WatchersDeps } from '../presence/watchers.ts';
import type { Subscription } from '../topic/subscription.ts';
import type { FrameLimits } from '../transport/frame-meter.ts';
import type { SocketHandler } from '../transport/socket-handler.ts';
import type { Transport } from '../transport/transport.ts';
import { type SocketServer, bindSocket, createSocketServer } from '../transport/ws-transport.ts';
import { type AppInUse, Apps } from './apps.ts';
import { ChannelOpener } from './channel-opener.ts';
import { ChannelWatchers } from './channel-watchers.ts';
import { ClientEvents } from './client-events.ts';
import { decodeClientFrame } from './client-frames.ts';
import { type ConnectionHooks, PusherConnection } from './connection.ts';
import { Counts } from './counts.ts';
import { newDoorCounters } from './door-counters.ts';
import { closings, refusals } from './faults.ts';
import { PacedClosings } from './paced-closings.ts';
import { PONG_FRAME, errorFrame, establishedFrame, subscriptionCountFrame } from './frames.ts';
import { type AppHandshake, isAppPath, readAppHandshake } from './handshake.ts';
import { HeldBack } from './held-back.ts';
import { channelView, onlineView } from './member-views.ts';
import { SignIn } from './sign-in.ts';
import { type ChannelAttempt, Subscribing } from './subscribing.ts';

const ONLINE = onlineChannel('');
/** Node puts no time-out on an upgrade request. */
const HANDSHAKE_DEADLINE_MS = 10_000;
/** The data of an event may be raised to 64 KiB, and its frame has more: one that is too large is refused, not the end. */
const MAX_FRAME_BYTES = 128 * 1024;

export interface PusherDoorOptions {
  allowedOrigins: readonly string[];
  /** Whether idle plain-TCP sockets are written past their streams. */
  directWrites: boolean;
  /** What one connection may send. */
  frames: FrameLimits;
}

/** Takes connections of clients of Pusher Channels, protocol 7, at `/app/{key}`. */
export class PusherDoor implements Door, SocketHandler<PusherConnection> {
  readonly connections = new ConnectionList<PusherConnection>();
  readonly counters = newDoorCounters();
  readonly #deps: DoorDeps;
  readonly #options: PusherDoorOptions;
  readonly #sockets: SocketServer;
  readonly #apps: Apps;
  readonly #held: HeldBack;
  readonly #opener: ChannelOpener<ChannelAttempt>;
  readonly #subscribing: Subscribing;
  readonly #clientEvents: ClientEvents;
  readonly #signIn: SignIn;
  readonly #counts: Counts;
  readonly #closings = new PacedClosings();
  readonly #hooks: ConnectionHooks;
  /** By the number in their socket ids. */
  readonly #byNumber = new Map<number, PusherConnection>();
  readonly #edgeNumber: string;
  #lastNumber = 0;

  constructor(deps: DoorDeps, options: PusherDoorOptions) {
    const { edge, broker, topics, slicer, onError } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#edgeNumber = socketId(edge, 0).slice(0, -1);
    this.#sockets = createSocketServer(options.frames, { maxPayload: MAX_FRAME_BYTES, subprotocols: false });
    this.#apps = new Apps({
      readApp: (key) => broker.readApp(key),
      onRemoved: (app) => this.#onRemoved(app),
      onError,
    });
    this.#held = new HeldBack({
      apps: this.#apps,
      room: () => this.#room(),
      admit: (connection, app) => this.#admit(connection, app),
      onError,
    });
    this.#opener = new ChannelOpener<ChannelAttempt>({
      broker,
      topics,
      slicer,
      onOpened: (attempt, channel) => this.#subscribing.onOpened(attempt, channel),
      onError,
    });
    this.#counts = new Counts({ edge, broker, subscribersOf: (topic) => topics.subscribersOf(topic), onError });
    this.#subscribing = new Subscribing({ broker, topics, opener: this.#opener, counts: this.#counts, onError });
    this.#clientEvents = new ClientEvents({ broker, counters: this.counters, onError });
    this.#signIn = new SignIn(this.#subscribing);
    this.#hooks = {
      edge,
      onGone: (connection, subscription) => this.#subscribing.onGone(connection, subscription),
      onReady: (connection) => this.#subscribing.onReady(connection),
      closeSoon: (connection, fault) => this.#closings.add(connection, fault),
      onEnd: (connection) => this.#onEnd(connection),
      onClosing: ({ code }) => this.counters.closed.set(code, (this.counters.closed.get(code) ?? 0) + 1),
    };
  }

  /** Connections whose `connection_established` is held back. */
  get held(): number {
    return this.#held.size;
  }

  /** Users that are signed in here. */
  get users(): number {
    return this.#signIn.users;
  }

  /** Connections whose subscriptions may have to wait, for they had many channels opened a moment ago. */
  get paced(): number {
    return this.#subscribing.paced;
  }

  /** Channels that are being opened. */
  get opening(): number {
    return this.#opener.size;
  }

  has(path: string): boolean {
    return isAppPath(path);
  }

  /** Only what is no WebSocket handshake at all is refused in HTTP. */
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

  /** A connection begins: it is established, held back, or told why not and closed. */
  open(transport: Transport, handshake: AppHandshake): PusherConnection {
    this.#lastNumber += 1;
    const connection = new PusherConnection(this.#lastNumber, transport, this.#deps.counters, this.#hooks);
    if (handshake.ok) this.#held.take(connection, handshake.key);
    else connection.closeWith(handshake.fault);
    return connection;
  }

  onText(connection: PusherConnection, text: string): void {
    // Before `connection_established` there is nothing that a client could ask for.
    if (connection.phase !== 'open') return;
    const decoded = decodeClientFrame(text);
    if (!decoded.ok) {
      this.#deps.counters.badFrames += 1;
      connection.sendFrame(errorFrame({ ...refusals.badFrame, message: decoded.why }));
      return;
    }
    const { frame } = decoded;
    switch (frame.kind) {
      case 'ping':
        connection.sendFrame(PONG_FRAME);
        return;
      case 'pong':
        return;
      case 'subscribe':
        this.#subscribing.subscribe(connection, frame);
        return;
      case 'unsubscribe':
        this.#subscribing.unsubscribe(connection, frame.channel);
        return;
      case 'sign-in':
        this.#signIn.onSignIn(connection, frame);
        return;
      case 'client-event':
        this.#clientEvents.onEvent(connection, frame);
    }
  }

  onBadFrame(connection: PusherConnection): void {
    this.#deps.counters.badFrames += 1;
    connection.closeWith(closings.badFrame);
  }

  onTooManyFrames(connection: PusherConnection): void {
    if (connection.phase !== 'closed') this.#deps.counters.tooManyFrames += 1;
    connection.closeWith(closings.tooManyFrames);
  }

  /** Pings without a payload are sent only. */
  onPong(): void {}

  onDrain(connection: PusherConnection): void {
    connection.onDrain();
  }

  onClosed(connection: PusherConnection): void {
    connection.end();
    this.connections.remove(connection);
  }

  onLive(topic: string, payload: LivePayload): void {
    if (payload.kind === 'terminate') this.#signIn.terminate(topic);
    else if (payload.kind === 'subscribers') this.#showCount(topic, payload.count);
  }

  subscriptionOf(topic: string, id: string): Subscription | undefined {
    if (!id.startsWith(this.#edgeNumber)) return undefined;
    return this.#byNumber.get(Number(id.slice(this.#edgeNumber.length)))?.subscriptions.get(topic);
  }

  watchers(deps: WatchersDeps): Watchers | null {
    const channel = channelOfTopic(deps.topic)?.channel;
    if (channel === undefined) return null;
    if (channel.startsWith(ONLINE)) return new ChannelWatchers(deps, onlineView(channel.slice(ONLINE.length)));
    return channelKind(channel).access === 'presence' ? new ChannelWatchers(deps, channelView(channel)) : null;
  }

  tend(): Promise<void> {
    return this.#apps.tend();
  }

  start(): () => void {
    return () => {
      this.#held.stop();
      this.#subscribing.stop();
      this.#opener.stop();
      this.#counts.stop();
      this.#closings.stop();
    };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const malformed = checkUpgrade(request);
    if (malformed !== null) {
      refuse(socket, malformed);
      return;
    }
    const handshake = readAppHandshake(request, this.#options.allowedOrigins);
    // ws takes this header in fewer forms than there are. No client of this protocol offers subprotocols.
    request.headers.upgrade = 'websocket';
    delete request.headers['sec-websocket-protocol'];
    // The answer and the first frame leave as one write.
    socket.cork();
    process.nextTick(uncork, socket);
    socket.removeListener('error', destroy);
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      bindSocket(ws, socket, {
        handler: this,
        direct: this.#options.directWrites,
        open: (transport) => this.open(transport, handshake),
      });
    });
  }

  #room(): 'yes' | 'wait' | 'draining' | 'full' {
    const { isDraining, isKnown, isFull } = this.#deps;
    if (isDraining()) return 'draining';
    if (!isKnown()) return 'wait';
    return isFull() ? 'full' : 'yes';
  }

  #admit(connection: PusherConnection, app: AppInUse): void {
    connection.app = app;
    connection.phase = 'open';
    this.#byNumber.set(connection.number, connection);
    this.connections.add(connection);
    this.#deps.counters.handshakesAccepted += 1;
    connection.sendFrame(establishedFrame(connection.id));
  }

  #onEnd(connection: PusherConnection): void {
    this.#held.delete(connection);
    this.#byNumber.delete(connection.number);
    this.#signIn.onEnd(connection);
    this.#subscribing.onEnd(connection);
  }

  #onRemoved(app: AppInUse): void {
    for (const connection of this.connections.slice(0, this.connections.size)) {
      if (connection.app === app) connection.closeSoon(closings.removedApp);
    }
  }

  #showCount(topic: string, count: number): void {
    const channel = channelOfTopic(topic)?.channel;
    if (channel === undefined) return;
    const frame = subscriptionCountFrame(channel, count);
    for (const subscription of this.#deps.topics.subscriptionsOf(topic)) {
      const { subscriber } = subscription;
      void this.#deps.slicer.run(() => !subscription.ended && subscriber.sendFrame(frame));
    }
  }
}

/** One function for all sockets: a closure would stay with each. */
function destroy(this: Duplex): void {
  this.destroy();
}

function uncork(socket: Duplex): void {
  socket.uncork();
}
