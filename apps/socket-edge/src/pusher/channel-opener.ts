import { setTimeout as delay } from 'node:timers/promises';
import type { EdgeChannels, OpenChannel } from '@holdfast/broker/broker';
import pLimit from 'p-limit';
import { TopicPresence } from '../presence/topic-presence.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import type { Topic } from '../topic/topic.ts';
import type { Topics } from '../topic/topics.ts';
import { ChannelWatchers } from './channel-watchers.ts';
import type { Attempt } from './connection.ts';

/** Channels asked of Redis at a time. */
const MAX_CALLS = 64;
/** After Redis did not answer. */
const RETRY_MS = 500;

/** A channel that is open at this edge. */
export interface OpenedChannel extends OpenChannel {
  topic: Topic;
  /** Null when the channel has no members. */
  watchers: ChannelWatchers | null;
}

export interface ChannelOpenerDeps<A extends Attempt> {
  broker: Pick<EdgeChannels, 'openChannel'>;
  topics: Pick<Topics, 'open'>;
  slicer: TimeSlicer;
  /** The channel is open: the attempt joins it, in this tick. Not called for one that was cancelled. */
  onOpened: (attempt: A, channel: OpenedChannel) => void;
  onError: (error: unknown) => void;
}

/** Subscriptions that wait for the same channel. */
interface Opening<A extends Attempt> {
  readonly topic: string;
  readonly presence: Attempt['presence'];
  readonly waiting: Set<A>;
  /** Aborted when none waits any more. */
  readonly abandoned: AbortController;
}

/**
 * Opens channels for the subscriptions that wait for them: made in Redis if need be, its live channel subscribed, its members
 * known. While Redis is away it goes on trying, for clients send a subscription once; nothing is kept of a channel for which
 * no subscription waits.
 */
export class ChannelOpener<A extends Attempt> {
  readonly #deps: ChannelOpenerDeps<A>;
  readonly #pending = new Map<string, Opening<A>>();
  readonly #limit = pLimit(MAX_CALLS);

  constructor(deps: ChannelOpenerDeps<A>) {
    this.#deps = deps;
  }

  /** How many channels are being opened. */
  get size(): number {
    return this.#pending.size;
  }

  open(attempt: A): void {
    const { topic, presence } = attempt;
    const known = this.#pending.get(topic);
    if (known !== undefined) {
      known.waiting.add(attempt);
      return;
    }
    const opening = { topic, presence, waiting: new Set([attempt]), abandoned: new AbortController() };
    this.#pending.set(topic, opening);
    void this.#run(opening);
  }

  cancel(attempt: Attempt): void {
    const opening: Opening<Attempt> | undefined = this.#pending.get(attempt.topic);
    if (opening?.waiting.delete(attempt) === true && opening.waiting.size === 0) this.#end(opening);
  }

  /** Gives up all of them. */
  stop(): void {
    for (const opening of this.#pending.values()) this.#end(opening);
  }

  #end(opening: Opening<Attempt>): void {
    opening.waiting.clear();
    if (this.#pending.get(opening.topic) === opening) this.#pending.delete(opening.topic);
    opening.abandoned.abort();
  }

  async #run(opening: Opening<A>): Promise<void> {
    const { signal } = opening.abandoned;
    while (opening.waiting.size > 0) {
      let isOpen = false;
      try {
        isOpen = await this.#attempt(opening);
      } catch (error) {
        this.#deps.onError(error);
      }
      // Redis is away, or the channel was gone again at once.
      if (!isOpen) await delay(RETRY_MS * (1 + Math.random()), undefined, { signal }).catch(() => undefined);
    }
    this.#end(opening);
  }

  /** True when all that waited by then have joined. */
  async #attempt(opening: Opening<A>): Promise<boolean> {
    const { topic: name, presence, abandoned, waiting } = opening;
    const found = await this.#limit(async () =>
      waiting.size === 0 ? null : this.#deps.broker.openChannel(name, presence),
    );
    if (found === null || waiting.size === 0) return true;
    const topic = this.#deps.topics.open(name, found.state.incarnation);
    try {
      if (!(await unless(abandoned.signal, topic.ready))) return false;
      const watchers = presence === null ? null : watchersOf(topic);
      if (presence !== null && (watchers === null || !(await unless(abandoned.signal, watchers.whenKnown())))) {
        return false;
      }
      const channel = { ...found, topic, watchers };
      const attempts = [...waiting];
      // Thousands may wait for the same channel.
      await Promise.all(attempts.map((attempt) => this.#deps.slicer.run(() => this.#join(opening, attempt, channel))));
      return !attempts.some((attempt) => waiting.has(attempt));
    } finally {
      topic.release();
    }
  }

  #join({ waiting }: Opening<A>, attempt: A, channel: OpenedChannel): void {
    // Cancelled meanwhile, or the channel has gone: it waits on.
    if (!waiting.has(attempt) || channel.topic.state !== 'open') return;
    waiting.delete(attempt);
    this.#deps.onOpened(attempt, channel);
  }
}

/** What shows the members of a channel; null when the channel has no members. */
export function watchersOf(topic: { readonly presence: unknown }): ChannelWatchers | null {
  const { presence } = topic;
  if (!(presence instanceof TopicPresence)) return null;
  return presence.watchers instanceof ChannelWatchers ? presence.watchers : null;
}

/** False when the signal comes first. */
async function unless(signal: AbortSignal, answer: Promise<boolean>): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stop = (): void => resolve(false);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
