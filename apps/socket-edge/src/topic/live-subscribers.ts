import type { Position } from '@holdfast/protocol/position-order';
import { type Broadcast, MAX_BATCH, type Transport } from '../transport/transport.ts';
import { NOT_LIVE, type Subscription } from './subscription.ts';

/**
 * The subscriptions that receive a topic at once, and the sending to them in slices of time, so that pings, handshakes and
 * small topics are not held up by a large one. The members before `#unserved` have still to be served, all others have
 * everything up to `#lastSent`; one that leaves, at whatever time, gets exactly the position up to which it was served.
 */
export class LiveSubscribers {
  readonly #broadcast: Broadcast;
  readonly #members: Subscription[] = [];
  /** Of each member, in the same order: a delivery has no need of the objects between. */
  readonly #transports: Transport[] = [];
  #frames: Buffer = Buffer.alloc(0);
  #unserved = 0;
  #lastSent: Position;
  #before: Position;

  constructor(lastSent: Position, broadcast: Broadcast) {
    this.#lastSent = lastSent;
    this.#before = lastSent;
    this.#broadcast = broadcast;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Whether some members have still to be served. */
  get busy(): boolean {
    return this.#unserved > 0;
  }

  members(): Subscription[] {
    return [...this.#members];
  }

  /** Takes in one that has everything up to the last sent message. */
  add(subscription: Subscription): void {
    subscription.liveIndex = this.#members.push(subscription) - 1;
    this.#transports.push(subscription.subscriber.transport);
  }

  /** Up to where a member has been served. */
  reached(subscription: Subscription): Position {
    return subscription.liveIndex < this.#unserved ? this.#before : this.#lastSent;
  }

  /** Takes one out; false when it is no member. */
  remove(subscription: Subscription): boolean {
    const index = subscription.liveIndex;
    if (index === NOT_LIVE) return false;
    subscription.position = this.reached(subscription);
    subscription.liveIndex = NOT_LIVE;
    if (index < this.#unserved) {
      // The last of those that wait takes its place, so that the served ones stay together after them.
      this.#unserved -= 1;
      this.#move(this.#unserved, index);
      this.#moveLast(this.#unserved);
    } else {
      this.#moveLast(index);
    }
    return true;
  }

  /** Moves all to another position without sending anything. Only when none has still to be served. */
  moveTo(position: Position): void {
    this.#lastSent = position;
    this.#before = position;
  }

  /**
   * Begins to serve the frames up to message `last`. Only when none has still to be served.
   * @param except a member that moves on without them
   */
  begin(frames: Buffer, last: Position, except?: Subscription): void {
    if (except !== undefined) this.remove(except);
    this.#before = this.#lastSent;
    this.#lastSent = last;
    this.#frames = frames;
    this.#unserved = this.#members.length;
    if (except !== undefined) this.add(except);
  }

  /** Serves until `deadline` (milliseconds of the monotonic clock), at least one batch. Returns how many were served. */
  serve(deadline: number): number {
    let served = 0;
    while (this.#unserved > 0) {
      served += this.#serveBatch();
      if (performance.now() >= deadline) break;
    }
    if (this.#unserved === 0 && served > 0) this.#frames = Buffer.alloc(0);
    return served;
  }

  /** Serves the last of those that wait. One may leave while it is being sent to: by then it counts as served. */
  #serveBatch(): number {
    const from = Math.max(0, this.#unserved - MAX_BATCH);
    const members = this.#members.slice(from, this.#unserved);
    const transports = this.#transports.slice(from, this.#unserved);
    this.#unserved = from;
    this.#broadcast(transports, this.#frames, (index) => members[index]?.subscriber.onWaiting());
    return members.length;
  }

  #move(from: number, to: number): void {
    const member = this.#members[from];
    if (member === undefined || from === to) return;
    this.#members[to] = member;
    this.#transports[to] = member.subscriber.transport;
    member.liveIndex = to;
  }

  #moveLast(to: number): void {
    const last = this.#members.length - 1;
    if (to < last) this.#move(last, to);
    this.#members.pop();
    this.#transports.pop();
  }
}
