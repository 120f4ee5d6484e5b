import type { ClientState } from '@holdfast/broker/client-state';
import { type CloseCode, closeCodes } from '@holdfast/protocol/close-codes';
import type { DownFrame } from '@holdfast/protocol/down';
import type { Position } from '@holdfast/protocol/position-order';
import type { UnsubscribeReason } from '@holdfast/protocol/messages/unsubscribed';
import { PONG_FRAME, controlFrame } from './frames.ts';
import type { Subscription } from './subscription.ts';
import { SubscriptionSet } from './subscription-set.ts';
import type { Tally } from './tally.ts';

/** What a connection needs of its socket. */
export interface Transport {
  /** Sends whole WebSocket frames. */
  send(frames: Buffer): void;
  /**
   * The socket's descriptor, when whole frames may be written to it past everything else, and only until anything else
   * runs; NOT_DIRECT when it takes `send`.
   */
  readonly descriptor: number;
  /** Bytes that wait in this process for the socket to take them. */
  readonly bufferedBytes: number;
  /** Begins the closing handshake; the end is enforced some seconds later. */
  close(code: number, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
}

/** Past this a connection leaves the live sets and keeps only its positions: a reader that stops costs no more. */
const CONGESTED_BYTES = 64 * 1024;
/** What may still be added for frames that are not messages; past it the connection is closed. */
const OVERFLOW_BYTES = CONGESTED_BYTES + 128 * 1024;

/** Topics left lately that are remembered: far more than are left and taken up again between two looks. */
const MAX_LEFT = 100;

export type Phase =
  /** Opened with `?resume=1`: its first frame is awaited. */
  | 'awaiting-resume'
  /** It is being found out where its topics stand. */
  | 'attaching'
  /** The welcome is out. */
  | 'open'
  | 'closed';

/** One WebSocket of a client, as the core sees it. */
export class Connection {
  /** Unique on this edge. */
  readonly id: string;
  readonly clientId: string;
  readonly transport: Transport;
  readonly subscriptions = new SubscriptionSet();
  phase: Phase;
  /** Too much waits for the socket: nothing more is sent until `onDrain`. */
  congested = false;
  /** Since when, in milliseconds of the monotonic clock. */
  congestedSince = 0;
  /** Of which registration of the client it is; 0 until it is tied to one. */
  registeredAt = 0;
  /** Where the client's own topic stands on this connection. */
  ownPosition: Position;
  ownReading = false;
  /** The client as it was claimed, until its `resume` frame comes. */
  awaiting: ClientState | null = null;
  /** Topic to how far it got, of the topics that it has left lately. Most connections never leave one. */
  #left: Map<string, Position> | null = null;
  /** A letter for the client came before the welcome was out. */
  changedMeanwhile = false;
  /** Pings since anything was heard. */
  unanswered = 0;
  /** Bytes that it was sent apart from others, of what it had missed. */
  caughtUpBytes = 0;
  /** Its place in the roster. */
  rosterIndex = -1;
  readonly #tally: Tally;

  constructor(id: string, clientId: string, transport: Transport, phase: Phase, ownPosition: Position, tally: Tally) {
    this.id = id;
    this.clientId = clientId;
    this.transport = transport;
    this.phase = phase;
    this.ownPosition = ownPosition;
    this.#tally = tally;
  }

  /** The welcome is out, and the connection takes part; false when that was already too much for its socket. */
  begin(): boolean {
    if (this.phase !== 'attaching') return false;
    this.phase = 'open';
    return true;
  }

  /** Sends message frames. The caller respects `congested`, and what it was given before it became so has been sent. */
  send(frames: Buffer): void {
    if (this.phase === 'closed') return;
    this.caughtUpBytes += frames.length;
    this.transport.send(frames);
    this.onWaiting();
  }

  /** Something was sent, and may wait for the socket. */
  onWaiting(): void {
    if (this.transport.bufferedBytes > CONGESTED_BYTES && !this.congested) this.#becomeCongested();
  }

  /** Sends a frame that is not a message: also while congested, within a bound. */
  sendControl(frame: Exclude<DownFrame, { type: 'message' }>): void {
    this.#sendAnyway(controlFrame(frame));
  }

  pong(): void {
    this.#sendAnyway(PONG_FRAME);
  }

  /** The socket has taken all that waited. */
  onDrain(): void {
    if (!this.congested || this.phase === 'closed') return;
    this.congested = false;
    for (const subscription of this.subscriptions.values()) subscription.feed.pump(subscription);
  }

  subscribe(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    subscription.feed.join(subscription);
  }

  unsubscribe(subscription: Subscription, reason: UnsubscribeReason): void {
    if (!this.unsubscribeSilently(subscription)) return;
    this.sendControl({ type: 'unsubscribed', topic: subscription.feed.topic, reason });
  }

  /** Takes a subscription out; false when it is out already. */
  unsubscribeSilently(subscription: Subscription): boolean {
    const { topic } = subscription.feed;
    if (this.subscriptions.get(topic) !== subscription) return false;
    this.subscriptions.delete(topic);
    this.leave(topic, subscription.reached);
    subscription.feed.leave(subscription);
    return true;
  }

  /** How far a topic got that has been left lately, so that what is taken up again is not sent twice. */
  leftAt(topic: string): Position | undefined {
    return this.#left?.get(topic);
  }

  /** Notes how far a topic got that has been left. */
  leave(topic: string, position: Position): void {
    this.#left ??= new Map();
    this.#left.delete(topic);
    this.#left.set(topic, position);
    for (const oldest of this.#left.keys()) {
      if (this.#left.size <= MAX_LEFT) break;
      this.#left.delete(oldest);
    }
  }

  close(how: CloseCode, reason: string = how.reason): void {
    if (this.phase === 'closed') return;
    this.transport.close(how.code, reason);
    this.end();
  }

  /** Nothing more is sent, whatever becomes of the socket. */
  end(): void {
    this.phase = 'closed';
    this.awaiting = null;
    for (const subscription of this.subscriptions.values()) subscription.feed.leave(subscription);
    this.subscriptions.clear();
  }

  #sendAnyway(frame: Buffer): void {
    if (this.phase === 'closed') return;
    if (this.transport.bufferedBytes > OVERFLOW_BYTES) {
      this.#tally.evictedOverflow += 1;
      this.close(closeCodes.tooSlow);
      return;
    }
    this.transport.send(frame);
    this.onWaiting();
  }

  #becomeCongested(): void {
    this.congested = true;
    this.congestedSince = performance.now();
    this.#tally.slowLeft += 1;
    for (const subscription of this.subscriptions.values()) subscription.feed.fallBehind(subscription);
  }
}
