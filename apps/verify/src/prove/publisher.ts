import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { Position } from '@holdfast/protocol/position-order';
import { callAtRate } from '@holdfast/harness/pacing';
import { setTimeout as delay } from 'node:timers/promises';
import type { Publication } from './checker/truth.ts';
import type { Control } from './control.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { payloadOf } from './payload.ts';

/** What becomes of one call that publishes; it never rejects. */
export type Send = (topic: string, payload: unknown) => Promise<Publication['outcome']>;

export interface PublisherOptions {
  send: Send;
  topics: readonly string[];
  /** Topics more that only `publish` and `fence` speak on. */
  quietTopics: readonly string[];
  /** Messages a second, over all topics. */
  rate: number;
  random: () => number;
  /** Characters of filling in each message. */
  filling: number;
}

/** What lies between two tries of a message that must get through. */
const PAUSE_MS = 50;
const FENCE_PATIENCE_MS = 60_000;

/** Publishes at a steady rate, whatever comes back, and records every outcome. */
export class Publisher {
  readonly publications: Publication[] = [];
  readonly #options: PublisherOptions;
  readonly #underway = new Set<Promise<unknown>>();
  #tokens = 0;
  readonly #stopping = new AbortController();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  start(): void {
    const { topics, rate, random } = this.#options;
    const begin = async () => {
      const topic = topics[Math.floor(random() * topics.length)];
      if (topic !== undefined) await this.publish(topic);
    };
    const { signal } = this.#stopping;
    // It ends by being stopped.
    callAtRate({ rate, total: Infinity, limit: Infinity, begin, signal }).catch(() => undefined);
  }

  /** No more calls begin: the run is over, however it went. */
  [Symbol.dispose](): void {
    this.#stopping.abort();
  }

  /** Ends it; resolves when every call has come back or was given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    while (this.#underway.size > 0) await Promise.all(this.#underway);
  }

  /** Publishes one message to each topic, however long that takes. Gives their ids. Rejects after a minute. */
  async fence(topics: readonly string[] = this.#allTopics()): Promise<Record<string, Position>> {
    const deadline = performance.now() + FENCE_PATIENCE_MS;
    const ids = topics.map(async (topic) => {
      for (;;) {
        const { outcome } = await this.publish(topic);
        if (outcome.kind === 'published') return [topic, outcome.id] as const;
        if (performance.now() > deadline) throw new Error(`nothing could be published on ${topic} for a minute`);
        await delay(PAUSE_MS);
      }
    });
    return Object.fromEntries(await Promise.all(ids));
  }

  /** Publishes one message; `filling` is in characters. Never rejects: what became of it is in what it gives. */
  async publish(topic: string, filling: number = this.#options.filling): Promise<Publication> {
    this.#tokens += 1;
    const token = `m${this.#tokens}`;
    const askedAt = monotonicMs();
    const call = this.#options.send(topic, payloadOf(token, filling));
    this.#underway.add(call);
    const outcome = await call;
    this.#underway.delete(call);
    const publication = { topic, token, askedAt, answeredAt: monotonicMs(), outcome };
    this.publications.push(publication);
    return publication;
  }

  #allTopics(): string[] {
    return [...this.#options.topics, ...this.#options.quietTopics];
  }
}

/** Publishes by the REST API, each message at the control-api whose turn it is. */
export function publishingBy(control: Control): Send {
  return async (topic, payload) => {
    try {
      const { id } = await control.once((rest, signal) => rest.publish(topic, payload, { signal }));
      return { kind: 'published', id };
    } catch (error) {
      const status = error instanceof HoldfastError ? error.status : undefined;
      if (status === undefined) return { kind: 'unknown' };
      // 503: Redis was asked, and perhaps only its answer is missing.
      if (status >= 500) return { kind: 'unknown', status };
      return { kind: 'refused', status };
    }
  };
}
