import type { MetricsSnapshot, MetricsText } from '@holdfast/service/metrics';

/** Messages between a worker and its parent. Both run the same files, so they are not validated. */

export type FromWorker =
  | { kind: 'listening' }
  /** Every second: why it should get no new work; null when it should. */
  | { kind: 'readiness'; reason: string | null }
  /** This worker is being scraped. */
  | { kind: 'scrape'; scrape: number }
  | { kind: 'metrics'; round: number; metrics: MetricsSnapshot };

export type ToWorker =
  /** Close the connections, and exit. */
  | { kind: 'drain' }
  | { kind: 'send-metrics'; round: number }
  /** The answer to `scrape`. */
  | { kind: 'metrics-of-all'; scrape: number; text: MetricsText };
