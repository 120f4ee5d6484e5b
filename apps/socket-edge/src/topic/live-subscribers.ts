import type { Position } from '@holdfast/protocol/position-order';
import type { Transport } from '../connection/connection.ts';
import { MAX_BATCH, broadcast } from '../transport/broadcast.ts';
import { NOT_LIVE, type Subscription } from './subscription.ts';

/**
 * Those who receive a topic at once, and the sending to them in slices of time, so that pings, handshakes and small
 * topics are not held up by a large one. The members before `#left` have still to be served, all others stand at
 * `#head`; whoever leaves, at whatever time, is told exactly up to where it has been served.
 */
export class LiveSubscribers {
  readonly #members: Subscription[] = [];
  /** Of each member, in the same order: a delivery has no need of the objects between. */
  readonly #transports: Transport[] = [];
  #frames: Buffer = Buffer.alloc(0);
  #left = 0;
  #head: Position;
  #before: Position;

  constructor(head: Position) {
    this.#head = head;
    this.#before = head;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Whether some members have still to be served. */
  get busy(): boolean {
    return this.#left > 0;
  }

  members(): Subscription[] {
    return [...this.#members];
  }

  /** Takes in one that has everything up to the head. */
  add(subscription: Subscription): void {
    subscription.liveIndex = this.#members.push(subscription) - 1;
    this.#transports.push(subscription.connection.transport);
  }

  /** Up to where a member has been served. */
  reached(subscription: Subscription): Position {
    return subscription.liveIndex < this.#left ? this.#before : this.#head;
  }

  /** Takes one out; false when it is no member. */
  remove(subscription: Subscription): boolean {
    const index = subscription.liveIndex;
    if (index === NOT_LIVE) return false;
    subscription.position = this.reached(subscription);
    subscription.liveIndex = NOT_LIVE;
    if (index < this.#left) {
      // The last of those who wait takes its place, so that the served ones stay together behind them.
      this.#left -= 1;
      this.#move(this.#left, index);
      this.#moveLast(this.#left);
    } else {
      this.#moveLast(index);
    }
    return true;
  }

  /** Nobody is being served: everybody is moved to another head without being sent anything. */
  moveTo(head: Position): void {
    this.#head = head;
    this.#before = head;
  }

  /** Begins to serve the frames that lead up to `head`. Only when nobody has still to be served. */
  begin(frames: Buffer, head: Position): void {
    this.#before = this.#head;
    this.#head = head;
    this.#frames = frames;
    this.#left = this.#members.length;
  }

  /** Serves until `deadline` (milliseconds of the monotonic clock), at least one lot. Gives how many were served. */
  serve(deadline: number): number {
    let served = 0;
    while (this.#left > 0) {
      served += this.#serveLot();
      if (performance.now() >= deadline) break;
    }
    if (this.#left === 0 && served > 0) this.#frames = Buffer.alloc(0);
    return served;
  }

  /** Serves the last of those who wait. One may leave while it is being sent to: by then it counts as served. */
  #serveLot(): number {
    const from = Math.max(0, this.#left - MAX_BATCH);
    const members = this.#members.slice(from, this.#left);
    const transports = this.#transports.slice(from, this.#left);
    this.#left = from;
    broadcast(transports, this.#frames, (index) => members[index]?.connection.onWaiting());
    return members.length;
  }

  #move(from: number, to: number): void {
    const member = this.#members[from];
    if (member === undefined || from === to) return;
    this.#members[to] = member;
    this.#transports[to] = member.connection.transport;
    member.liveIndex = to;
  }

  #moveLast(to: number): void {
    const last = this.#members.length - 1;
    if (to < last) this.#move(last, to);
    this.#members.pop();
    this.#transports.pop();
  }
}
