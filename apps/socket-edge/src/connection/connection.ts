import { type ClientState, type SubscriptionStart, connectionName } from '@holdfast/broker/client-state';
import { type CloseCode, closeCodes, retryAfterReason } from '@holdfast/protocol/close-codes';
import type { ConnectionEnd, ConnectionStory } from '@holdfast/broker/evidence';
import type { DisconnectReason } from '@holdfast/protocol/events';
import type { Position } from '@holdfast/protocol/position-order';
import type { DownFrame, UnsubscribeReason } from '@holdfast/protocol/down';
import { PONG_FRAME, controlFrame } from '../transport/frames.ts';
import type { Transport } from '../transport/transport.ts';
import {
  type PresenceBy,
  type Subscriber,
  type SubscriberMember,
  type Subscription,
  SubscriptionSet,
} from '../topic/subscription.ts';
import { deliveredName } from '../topic/delivered-name.ts';
import type { Counters } from '../counters.ts';
import type { Losses } from '../topic/losses.ts';
import { NOT_RESUMED, closedReason, connectionEnd, openedAfterMs, withLost } from '../evidence/connection-evidence.ts';
import { type ConnectionIdentity, isShownPresence, memberOf } from './identity.ts';
import { type Phase, Sender } from './sender.ts';
import { type TopicTombstone, Tombstones } from './tombstones.ts';

/** Clients of connections that are closed at once come back spread over this time, so that other edges see a stream and no wave. */
const RETRY_SPREAD_MS = 1000;

/** What a connection was claimed with. */
export interface ConnectionClaim {
  generation: number;
  /** Of the state that was read with the claim. */
  digest: number;
  /** The number of that read. */
  read: number;
  /** When the claim was sent, in milliseconds of the monotonic clock. */
  sentAt: number;
  client: Pick<ClientState, 'clientId' | 'incarnation' | 'ownPosition' | 'lastGeneration'>;
}

/** One WebSocket of a client, as the core sees it. */
export class Connection extends Sender implements Subscriber {
  /** For operators and clients: unique beside the edge's id. */
  readonly id: string;
  readonly clientId: string;
  /** Of which registration of the client it is. */
  readonly incarnation: string;
  readonly subscriptions = new SubscriptionSet();
  /** Of its claim: of two connections of a client the one with the higher generation is newer. */
  generation: number;
  /** Generation of the client's connection before it; 0: there was none; null: not known. */
  follows: number | null;
  /** Of the state that has been applied; 0 for none that is known to be wholly applied. */
  digest: number;
  /** The number of the read that brought this state: what was read before is older. */
  stateRead: number;
  /** Who its client is; null for most connections. */
  identity: ConnectionIdentity | null = null;
  /** The last message of the client's inbox that it was given. */
  inboxPosition: Position;
  /** Its client's inbox is being read; `again` when there may be more by now. */
  inboxReading: 'no' | 'yes' | 'again' = 'no';
  /** The client as it was claimed and as it is by now, until its `resume` frame comes. */
  awaiting: { claimed: ClientState; present: ClientState } | null = null;
  /** Topic to the start of a subscription whose topic is being opened. Most connections never have one. */
  opening: Map<string, SubscriptionStart> | null = null;
  /** Topic to closed ranges from before this connection, until they are acknowledged. */
  closedBefore: ReadonlyMap<string, string> | null = null;
  /** Topics that it has left lately. Most connections never leave one. */
  #tombstones: Tombstones | null = null;
  /** The client's state changed before the welcome was out. */
  changedMeanwhile = false;
  /** Pings since anything was received. */
  unanswered = 0;
  /** How it ended, once it has. */
  endReason: DisconnectReason = 'lost';
  /** What it began with, and what was announced to it as lost; from its end on, all that is known of it. */
  story: ConnectionStory | ConnectionEnd = NOT_RESUMED;
  /** When its claim was sent, in whole milliseconds of the monotonic clock; since the welcome, `openedMs`. */
  #opening: number;
  /** Its place in the connection registry. */
  registryIndex = -1;
  readonly #losses: Pick<Losses, 'add'> | undefined;

  constructor(
    { generation, digest, read, sentAt, client }: ConnectionClaim,
    transport: Transport,
    phase: Phase,
    counters: Counters,
    losses?: Pick<Losses, 'add'>,
  ) {
    super(transport, phase, counters);
    this.id = connectionName(generation);
    this.clientId = client.clientId;
    this.incarnation = client.incarnation;
    this.generation = generation;
    this.follows = client.lastGeneration;
    this.digest = digest;
    this.stateRead = read;
    this.#opening = Math.floor(sentAt);
    this.inboxPosition = client.ownPosition;
    this.#losses = losses;
  }

  /**
   * What was published so many milliseconds after its claim, or later, came while it was open; also a little before, where
   * its topics had been quiet. Null: it is not open.
   */
  get openedMs(): number | null {
    return this.phase === 'open' ? this.#opening : null;
  }

  /**
   * The welcome is out, and the connection takes part; false when that was already too much for its socket.
   * @param latestStart the latest time of a position that it starts at without its client having stated it, in ms since
   *   the epoch: what is published later comes live
   */
  begin(latestStart: number): boolean {
    if (this.phase !== 'attaching') return false;
    this.phase = 'open';
    this.#opening = openedAfterMs(this, this.#opening, latestStart);
    return true;
  }

  /**
   * It owns its client by this generation.
   * @param before the generation of the owner until then: its own, or that of another connection
   */
  own(before: number, generation: number): void {
    // Another one owned it since it was claimed for this one, or in the middle.
    if (before !== this.generation && before > (this.follows ?? before)) this.follows = null;
    this.generation = generation;
  }

  /** What followed `after` on a topic is gone: it goes on after `position`. */
  announceLost(topic: string, after: Position, position: Position): void {
    if (this.phase === 'closed') return;
    this.counters.lostAnnounced += 1;
    this.#losses?.add(topic, this.clientId, after, position);
    const lost = { topic: deliveredName(topic), after, position };
    this.story = withLost(this.story, { ...lost, at: Date.now() });
    this.sendControl({ type: 'lost', ...lost });
  }

  subscribe(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    subscription.topic.join(subscription);
  }

  unsubscribe(subscription: Subscription, reason: UnsubscribeReason, read = 0): void {
    if (!this.unsubscribeSilently(subscription, read)) return;
    this.sendControl({ type: 'unsubscribed', topic: deliveredName(subscription.topic.name), reason });
  }

  /**
   * Takes a subscription out; false when it is out already.
   * @param read the last read of a state that has begun by now
   */
  unsubscribeSilently(subscription: Subscription, read: number): boolean {
    const { name, incarnation } = subscription.topic;
    if (this.subscriptions.get(name) !== subscription) return false;
    this.subscriptions.delete(name);
    this.leave({ topic: name, incarnation, position: subscription.reached, read });
    subscription.topic.leave(subscription, true);
    return true;
  }

  /** How far this incarnation of a topic got before it was left, so that what is taken up again is not sent twice. */
  leftAt(topic: string, incarnation: string): Position | undefined {
    return this.#tombstones?.leftAt(topic, incarnation);
  }

  /** Records how far a topic got that has been left. */
  leave(tombstone: TopicTombstone): void {
    this.#tombstones ??= new Tombstones();
    this.#tombstones.add(tombstone);
  }

  /**
   * Forgets topics that were left before a state was read which has been applied, closed ranges and all: a subscription
   * that comes now begins later than they got. Some are kept all the same, for a Redis that loses its last writes and has
   * an older subscription again; no more than were subscribed at one time, and these.
   */
  dropTombstones(read: number): void {
    this.#tombstones?.drop(read, this.opening);
  }

  memberOn(_topic: string, by: PresenceBy): SubscriberMember {
    return memberOf(this.identity, by);
  }

  sees(topic: string): boolean {
    return isShownPresence(this.identity, topic);
  }

  /** Sends a frame that is not a message: also while congested, within a bound. */
  sendControl(frame: Exclude<DownFrame, { type: 'message' }>): void {
    this.sendFrame(controlFrame(frame));
  }

  pong(): void {
    this.sendFrame(PONG_FRAME);
  }

  close(how: CloseCode, reason: string = how.reason): void {
    if (this.phase === 'closed') return;
    // First: the transport ends it as well, and would not know why.
    this.end(how === closeCodes.unregistered || how === closeCodes.disconnected, closedReason(how));
    this.transport.close(how.code, reason);
  }

  closeSlow(): void {
    this.close(closeCodes.tooSlow);
  }

  closeForDrain(): void {
    this.close(closeCodes.restarting, retryAfterReason(Math.random() * RETRY_SPREAD_MS));
  }

  /**
   * Nothing more is sent, whatever becomes of the socket.
   * @param isFinal its client is not expected back
   */
  end(isFinal = false, reason: DisconnectReason = 'lost'): void {
    if (this.phase !== 'closed') {
      this.endReason = reason;
      this.story = connectionEnd(this);
    }
    this.phase = 'closed';
    this.awaiting = null;
    this.opening = null;
    for (const subscription of this.subscriptions.values()) subscription.topic.leave(subscription, isFinal);
    this.subscriptions.clear();
  }

  protected lag(): void {
    for (const subscription of this.subscriptions.values()) subscription.topic.lag(subscription);
  }

  protected catchUp(): void {
    const isWatching = this.identity?.watches === true;
    for (const subscription of this.subscriptions.values()) {
      subscription.topic.catchUp(subscription);
      if (isWatching) subscription.topic.presence?.onReady(subscription);
    }
  }
}
