import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { channelOfTopic, channelKind, onlineChannel, socketId } from '@holdfast/protocol/pusher-channels';
import { ConnectionList } from '../connection/connection-list.ts';
import type { Door, DoorDeps } from '../door.ts';
import type { Watchers, WatchersDeps } from '../presence/watchers.ts';
import type { Subscription } from '../topic/subscription.ts';
import type { Transport } from '../transport/transport.ts';
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
import { PONG_FRAME, errorFrame, establishedFrame } from './frames.ts';
import { type AppHandshake, isAppPath } from './handshake.ts';
import { HeldBack } from './held-back.ts';
import { channelView, onlineView } from './member-views.ts';
import { SignIn } from './sign-in.ts';
import type { ChannelAttempt } from './attempts.ts';
import { Subscribing } from './subscribing.ts';
import { type DoorHandler, Upgrades, type UpgradesDeps } from './upgrades.ts';

const ONLINE = onlineChannel('');

export type PusherDoorOptions = Pick<UpgradesDeps, 'allowedOrigins' | 'directWrites' | 'frames'>;

/** Takes connections of clients of Pusher Channels, protocol 7, at `/app/{key}`. */
export class PusherDoor implements Door, DoorHandler {
  readonly connections = new ConnectionList<PusherConnection>();
  readonly counters = newDoorCounters();
  readonly #deps: DoorDeps;
  readonly #upgrades: Upgrades;
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
    this.#edgeNumber = socketId(edge, 0).slice(0, -1);
    this.#upgrades = new Upgrades({ ...options, slicer, handler: this, onError });
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
    this.#counts = new Counts({ edge, broker, topics, slicer, onError });
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
  get limited(): number {
    return this.#subscribing.limited;
  }

  /** Channels that are being opened. */
  get opening(): number {
    return this.#opener.size;
  }

  has(path: string): boolean {
    return isAppPath(path);
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.take(request, socket, head);
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
    if (connection.app !== null) connection.app.connections -= 1;
  }

  onLive(topic: string, payload: LivePayload): void {
    if (payload.kind === 'terminate') this.#signIn.terminate(topic);
    else if (payload.kind === 'subscribers') this.#counts.show(topic, payload.count);
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

  details(): Partial<EdgeDetails> {
    return { appConnections: this.#apps.connections() };
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
    app.connections += 1;
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
}
