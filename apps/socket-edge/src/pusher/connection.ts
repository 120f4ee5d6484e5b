import type { EdgeSettings } from '@holdfast/broker/topic-state';
import { socketId } from '@holdfast/protocol/pusher-channels';
import type { Counters } from '../counters.ts';
import { Sender } from '../connection/sender.ts';
import { type Subscriber, type SubscriberMember, type Subscription, SubscriptionSet } from '../topic/subscription.ts';
import type { Transport } from '../transport/transport.ts';
import type { AppInUse } from './apps.ts';
import type { ClientEventRate } from './client-event-rate.ts';
import { type Fault, closings } from './faults.ts';
import { errorFrame } from './frames.ts';
import type { ChannelMember, SignedInUser } from './member.ts';

/** A subscription that waits until its channel is open. */
export interface Attempt {
  /** Of the channel. */
  readonly topic: string;
  /** What the channel is made with. */
  readonly presence: EdgeSettings['presence'];
  /** The client asked for the channel: it is answered when it has joined. */
  isAsked?: boolean;
}

/** What a connection has of the door: the same object for all. */
export interface ConnectionHooks {
  /** The id of the edge. */
  readonly edge: string;
  /** The channel of a subscription that it has is gone: Redis has lost it. */
  onGone(connection: PusherConnection, subscription: Subscription): void;
  /** It takes frames again. */
  onReady(connection: PusherConnection): void;
  /** It is to be closed with this fault, as many others may be at the same time. */
  closeSoon(connection: PusherConnection, fault: Fault): void;
  /** It leaves the channels that it has, or is about to have. */
  onEnd(connection: PusherConnection): void;
  /** It is closed with this fault. */
  onClosing(fault: Fault): void;
}

/** One WebSocket of a client of the Pusher door. */
export class PusherConnection extends Sender implements Subscriber {
  /** Of its app and edge: the second part of its socket id. */
  readonly number: number;
  /** Its app, once `connection_established` is out. */
  app: AppInUse | null = null;
  readonly subscriptions = new SubscriptionSet();
  /** By topic. Most connections have none for long. */
  opening: Map<string, Attempt> | null = null;
  /** Whom it is present as, by the topic of a presence channel. */
  members: Map<string, ChannelMember> | null = null;
  user: SignedInUser | null = null;
  /** The topic that has its user as a member; null while it is not signed in. It stays when the app gets another id. */
  onlineTopic: string | null = null;
  /** Once it has sent an event. */
  rate: ClientEventRate | null = null;
  /** Pings since anything was received. */
  unanswered = 0;
  /** Its place in the list of connections. */
  registryIndex = -1;
  readonly #hooks: ConnectionHooks;

  constructor(number: number, transport: Transport, counters: Counters, hooks: ConnectionHooks) {
    super(transport, 'attaching', counters);
    this.number = number;
    this.#hooks = hooks;
  }

  /** The socket id. */
  get id(): string {
    return socketId(this.#hooks.edge, this.number);
  }

  /** No client is registered for it. */
  get clientId(): string {
    return '';
  }

  memberOn(topic: string): SubscriberMember | null {
    const member = this.members?.get(topic);
    if (member !== undefined) return member;
    return this.user !== null && topic === this.onlineTopic ? { id: this.user.id, info: null } : null;
  }

  /** It is shown the members of presence channels, and whether those are online whom it watches. */
  sees(topic: string): boolean {
    return topic !== this.onlineTopic;
  }

  /** It is about to be present on a channel as this member. */
  rememberMember(topic: string, member: ChannelMember): void {
    this.members ??= new Map();
    this.members.set(topic, member);
  }

  subscribe(subscription: Subscription): void {
    this.subscriptions.add(subscription);
    subscription.topic.join(subscription);
  }

  /** The channel is gone: it is taken up again. */
  unsubscribe(subscription: Subscription): void {
    if (this.subscriptions.get(subscription.topic.name) === subscription) this.#hooks.onGone(this, subscription);
  }

  /** Takes a subscription out. @param isFinal it was ended on purpose */
  leave(subscription: Subscription, isFinal: boolean): void {
    this.subscriptions.delete(subscription.topic.name);
    subscription.topic.leave(subscription, isFinal);
    this.members?.delete(subscription.topic.name);
  }

  /** The protocol has no word for it: the client sees a new connection. */
  announceLost(): void {
    if (this.phase === 'closed' || this.suspended) return;
    this.counters.lostAnnounced += 1;
    this.closeSoon(closings.lost);
  }

  /** Closes it in turn with others. It is sent no messages until then: what is left out must not be followed by more. */
  closeSoon(fault: Fault): void {
    if (this.phase === 'closed' || this.suspended) return;
    this.suspend();
    this.#hooks.closeSoon(this, fault);
  }

  /** Ends it, with the reason as an event and as the close code. */
  closeWith(fault: Fault): void {
    if (this.phase === 'closed') return;
    this.transport.send(errorFrame(fault));
    this.close(fault);
  }

  close(fault: Fault): void {
    if (this.phase === 'closed') return;
    this.#hooks.onClosing(fault);
    // First: the transport ends it as well, and would not know why.
    this.end(fault.code < closings.noApps.code, 'closed');
    this.transport.close(fault.code, fault.message);
  }

  closeSlow(): void {
    this.close(closings.tooSlow);
  }

  /** At once back, and elsewhere: the balancer has taken this edge out. One without `connection_established` is to wait. */
  closeForDrain(): void {
    if (this.phase === 'open') this.close(closings.restarting);
    else this.closeWith(closings.draining);
  }

  /**
   * Nothing more is sent, whatever becomes of the socket.
   * @param isFinal its client is not expected back
   */
  end(isFinal = false, _reason?: 'closed' | 'lost'): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.#hooks.onEnd(this);
    for (const subscription of this.subscriptions.values()) subscription.topic.leave(subscription, isFinal);
    this.subscriptions.clear();
    this.opening = null;
    this.members = null;
  }

  protected lag(): void {
    for (const subscription of this.subscriptions.values()) subscription.topic.lag(subscription);
  }

  protected catchUp(): void {
    for (const subscription of this.subscriptions.values()) {
      subscription.topic.catchUp(subscription);
      subscription.topic.presence?.onReady(subscription);
    }
    this.#hooks.onReady(this);
  }
}
