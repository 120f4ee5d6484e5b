import type { Subscription } from './subscription.ts';

/** Up to so many are looked through one by one: a Map takes 370 bytes before anything is in it. */
const FEW = 8;
const NONE: readonly Subscription[] = [];

/** The subscriptions of a connection by topic. Most connections have a few; some have a thousand. */
export class SubscriptionSet {
  /** Made anew at each change, so that it holds no room for more. */
  #few: readonly Subscription[] = NONE;
  #many: Map<string, Subscription> | null = null;

  get size(): number {
    return this.#many?.size ?? this.#few.length;
  }

  get(topic: string): Subscription | undefined {
    return this.#many === null ? this.#few.find(({ feed }) => feed.topic === topic) : this.#many.get(topic);
  }

  has(topic: string): boolean {
    return this.get(topic) !== undefined;
  }

  /** Takes one in, in the place of another one of its topic. */
  add(subscription: Subscription): void {
    const { topic } = subscription.feed;
    if (this.#many !== null) {
      this.#many.set(topic, subscription);
      return;
    }
    this.#few = [...this.#few.filter(({ feed }) => feed.topic !== topic), subscription];
    if (this.#few.length <= FEW) return;
    this.#many = new Map(this.#few.map((one) => [one.feed.topic, one]));
    this.#few = NONE;
  }

  delete(topic: string): void {
    if (this.#many === null) this.#few = this.#few.filter(({ feed }) => feed.topic !== topic);
    else this.#many.delete(topic);
  }

  clear(): void {
    this.#few = NONE;
    this.#many = null;
  }

  /** In the order in which they came. It may change while it is walked through. */
  values(): Iterable<Subscription> {
    return this.#many?.values() ?? this.#few;
  }

  /** The topics, in the order in which they were taken up. */
  topics(): string[] {
    return [...this.values()].map(({ feed }) => feed.topic);
  }
}
