import { setTimeout as delay } from 'node:timers/promises';
import type { MetricsSource, MetricsText } from '@holdfast/service/metrics';

/** A scrape blocks the event loop for milliseconds. Prometheus asks every 15 s. */
const EVERY_MS = 100;

/**
 * Metrics that are collected at most ten times a second, however many scrapes there are: a scrape that comes sooner waits, and shares
 * its text with all that come meanwhile. None is given figures from before it asked.
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
