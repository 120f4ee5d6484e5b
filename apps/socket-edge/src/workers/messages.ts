import type { MetricsSnapshot, MetricsText } from '@holdfast/service/metrics';

/** What a worker and its parent say to each other. Both run the same files, so nothing of it is checked. */

export type FromWorker =
  | { kind: 'listening' }
  /** Every second: why it should get no new work; null when it should. */
  | { kind: 'readiness'; reason: string | null }
  /** Somebody scrapes this worker. */
  | { kind: 'scrape'; scrape: number }
  | { kind: 'metrics'; round: number; metrics: MetricsSnapshot };

export type ToWorker =
  /** Say goodbye to the clients, and exit. */
  | { kind: 'drain' }
  | { kind: 'send-metrics'; round: number }
  /** The answer to `scrape`. */
  | { kind: 'metrics-of-all'; scrape: number; text: MetricsText };
