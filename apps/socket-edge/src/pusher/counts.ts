import type { EdgeChannels } from '@holdfast/broker/broker';
import { channelOfTopic, isCounted } from '@holdfast/protocol/pusher-channels';
import pLimit from 'p-limit';
import type { TimeSlicer } from '../schedule/slicer.ts';
import { Wheel } from '../schedule/wheel.ts';
import type { Topics } from '../topic/topics.ts';
import type { AppInUse } from './apps.ts';
import { subscriptionCountFrame } from './frames.ts';

/** Changes of so long are counted together. */
const SOON_MS = 200;
/** Beyond so many subscribers a count is published at most every `SELDOM_MS`. */
const MANY = 100;
const SELDOM_MS = 5000;
/** It is not written yet that this edge has the channel, or Redis did not answer. */
const RETRY_MS = 1000;
const MAX_CALLS = 16;

export interface CountsDeps {
  edge: string;
  broker: Pick<EdgeChannels, 'countSubscribers' | 'isChannelEventWanted'>;
  topics: Pick<Topics, 'subscribersOf' | 'subscriptionsOf'>;
  slicer: TimeSlicer;
  onError: (error: unknown) => void;
}

/** A channel whose subscribers are counted. */
interface Counted {
  readonly topic: string;
  readonly app: AppInUse;
  /** When the last count may be followed by another, in milliseconds of the monotonic clock. */
  notBefore: number;
}

/**
 * Counts the subscribers of channels, for apps that want that, or whose webhooks do: over all edges, in Redis. What any edge
 * has counted is shown to the subscribers of all.
 */
export class Counts {
  readonly #deps: CountsDeps;
  readonly #counted = new Map<string, Counted>();
  readonly #due: Wheel<Counted>;
  readonly #limit = pLimit(MAX_CALLS);
  #hasEnded = false;

  constructor(deps: CountsDeps) {
    this.#deps = deps;
    this.#due = new Wheel({ everyMs: SOON_MS / 2, onDue: (counted) => void this.#count(counted) });
  }

  /** A connection has come to a channel, or left it. */
  onChange(app: AppInUse, topic: string): void {
    if (this.#hasEnded || !this.#isWanted(app, topic)) return;
    let counted = this.#counted.get(topic);
    if (counted === undefined) {
      counted = { topic, app, notBefore: 0 };
      this.#counted.set(topic, counted);
    }
    if (!this.#due.has(counted)) this.#due.set(counted, Math.max(counted.notBefore, performance.now() + SOON_MS));
  }

  /** Sends the subscribers here how many there are on all edges. */
  show(topic: string, count: number): void {
    const channel = channelOfTopic(topic)?.channel;
    if (channel === undefined) return;
    const { topics, slicer } = this.#deps;
    const frame = subscriptionCountFrame(channel, count);
    for (const subscription of topics.subscriptionsOf(topic)) {
      const { subscriber } = subscription;
      void slicer.run(() => !subscription.ended && subscriber.sendFrame(frame));
    }
  }

  stop(): void {
    this.#hasEnded = true;
    this.#due.stop();
  }

  #isWanted({ known }: AppInUse, topic: string): boolean {
    if (!isCounted(channelOfTopic(topic)?.channel ?? '')) return false;
    return known.subscriptionCount || this.#deps.broker.isChannelEventWanted(topic, 'channel.subscription-count');
  }

  async #count(counted: Counted): Promise<void> {
    const { topic, app } = counted;
    const { edge, broker, topics, onError } = this.#deps;
    const count = topics.subscribersOf(topic);
    let sum: number | null = null;
    let isAnswered = true;
    try {
      sum = await this.#limit(() => broker.countSubscribers(topic, edge, count, app.known.subscriptionCount));
    } catch (error) {
      isAnswered = false;
      onError(error);
    }
    if (this.#hasEnded) return;
    const now = performance.now();
    const present = topics.subscribersOf(topic);
    // Without a subscriber here there is nothing to add once Redis has answered.
    if (present === 0 && isAnswered) {
      if (!this.#due.has(counted)) this.#counted.delete(topic);
      return;
    }
    counted.notBefore = now + (sum === null ? RETRY_MS : sum > MANY ? SELDOM_MS : 0);
    if ((sum === null || present !== count) && !this.#due.has(counted)) {
      this.#due.set(counted, Math.max(counted.notBefore, now + SOON_MS));
    }
  }
}
