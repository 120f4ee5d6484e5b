import { setTimeout as delay } from 'node:timers/promises';
import type { MetricsSource, MetricsText } from './metrics.ts';

/** A scrape takes milliseconds of the event loop, and 100 KB to send. Prometheus asks every 15 s. */
const EVERY_MS = 500;

/**
 * Metrics that are collected at most once in `everyMs`, however many scrapes there are: a scrape that comes sooner waits,
 * and shares its text with all that come meanwhile. So a connection, which has one request at a time, gets no more
 * answers than that. None is given figures from before it asked.
 */
export class ThrottledMetrics implements MetricsSource {
  readonly #source: MetricsSource;
  readonly #everyMs: number;
  #begunAt = Number.NEGATIVE_INFINITY;
  #next: Promise<MetricsText> | undefined;

  constructor(source: MetricsSource, { everyMs = EVERY_MS }: { everyMs?: number } = {}) {
    this.#source = source;
    this.#everyMs = everyMs;
  }

  text(): Promise<MetricsText> {
    return (this.#next ??= this.#begin());
  }

  async #begin(): Promise<MetricsText> {
    const early = this.#begunAt + this.#everyMs - performance.now();
    // Also when it is not early: until here all callers share it.
    await (early > 0 ? delay(early) : null);
    this.#begunAt = performance.now();
    this.#next = undefined;
    return this.#source.text();
  }
}
