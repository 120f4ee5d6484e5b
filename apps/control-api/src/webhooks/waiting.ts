import type { Backlog } from './backlog.ts';
import type { Changes } from './changes.ts';
import { type Delivery, decodeDelivery, encodeDelivery, oldestOf } from './delivery.ts';

/** What is due once an endpoint is back does not come all at once. */
const SPREAD_MS = 1_000;

/** Deliveries of an endpoint that wait for their next try. Each is written down, and holds up its own partitions. */
export class WaitingDeliveries {
  readonly #backlog: Backlog;
  readonly #changes: Changes;
  readonly #byName = new Map<string, Delivery>();
  /** Some of them may be due far off. */
  #mayHasten = false;

  /** @param stored those that were begun before, by whichever control-api */
  constructor(stored: ReadonlyMap<string, string>, backlog: Backlog, changes: Changes) {
    this.#backlog = backlog;
    this.#changes = changes;
    this.#mayHasten = stored.size > 0;
    for (const [name, text] of stored) {
      const delivery = decodeDelivery(name, text);
      this.#byName.set(name, delivery);
      backlog.resume(delivery.places);
    }
  }

  /** @param next when it may be tried, in ms since 1970 */
  add(delivery: Delivery, next: number): void {
    delivery.next = next;
    delivery.events = null;
    // A batch is, when Redis has said so: it is not sent before.
    if (delivery.batchId === null) delivery.isStored = true;
    this.#byName.set(delivery.name, delivery);
    this.#mayHasten = true;
    this.#backlog.block(delivery.places);
    this.#write(delivery);
  }

  /** Takes one that may be tried; undefined when there is none. */
  takeDue(now: number): Delivery | undefined {
    for (const delivery of this.#byName.values()) {
      if (delivery.next > now) continue;
      this.#byName.delete(delivery.name);
      return delivery;
    }
    return undefined;
  }

  /** When the next one may be tried, in ms since 1970; Infinity when there is none. */
  nextDue(): number {
    let due = Infinity;
    for (const { next } of this.#byName.values()) due = Math.min(due, next);
    return due;
  }

  /** When the oldest event of them happened; Infinity when there is none. */
  oldest(): number {
    let oldest = Infinity;
    for (const delivery of this.#byName.values()) oldest = Math.min(oldest, oldestOf(delivery));
    return oldest;
  }

  countFailing(): number {
    let count = 0;
    for (const { tries } of this.#byName.values()) if (tries > 0) count += 1;
    return count;
  }

  /**
   * The endpoint takes others: what failed is tried again in a moment, and what failed of late when it has waited for so
   * long, so that an event that is never taken is not tried all the time. Not written down: whoever takes over does the same.
   */
  hasten(now: number, backMs: number): void {
    if (!this.#mayHasten) return;
    this.#mayHasten = false;
    for (const delivery of this.#byName.values()) {
      if (delivery.tries === 0) continue;
      const due = Math.max(now, (delivery.failed ?? -Infinity) + backMs) + Math.random() * SPREAD_MS;
      delivery.next = Math.min(delivery.next, due);
    }
  }

  /** All may be tried at once, as if they had not been tried yet. */
  retryAll(): void {
    for (const delivery of this.#byName.values()) {
      Object.assign(delivery, { tries: 0, since: null, next: 0 });
      this.#write(delivery);
    }
  }

  /** None of them is sent any more. */
  clear(): void {
    for (const { name } of this.#byName.values()) this.#changes.delivery(name, null);
    this.#byName.clear();
  }

  /** All are to be written down anew. */
  writeAll(): void {
    for (const delivery of this.#byName.values()) this.#write(delivery);
  }

  #write(delivery: Delivery): void {
    this.#changes.delivery(delivery.name, encodeDelivery(delivery));
  }
}
