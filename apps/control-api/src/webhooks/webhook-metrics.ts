import type { Metrics } from '@holdfast/service/metrics';

export type WebhookMetrics = ReturnType<typeof createWebhookMetrics>;

/** The metrics of the delivery of events. An endpoint is counted where it is delivered to. */
export function createWebhookMetrics(metrics: Metrics) {
  return {
    deliveries: metrics.counter('webhook_deliveries_total', 'Requests to endpoints of webhooks, by outcome.', [
      'endpoint',
      'outcome',
    ]),
    retries: metrics.counter('webhook_retries_total', 'Requests that were sent before, and failed.', ['endpoint']),
    events: metrics.counter('webhook_events_delivered_total', 'Events that an endpoint has taken.', ['endpoint']),
    dropped: metrics.counter(
      'webhook_events_dropped_total',
      'Events that were never delivered: the buffer was full, or Redis lost its data.',
      ['endpoint'],
    ),
    lag: metrics.gauge(
      'webhook_lag_seconds',
      'The age of the oldest event that is not delivered.',
      ['endpoint'],
      'max',
    ),
    disabled: metrics.gauge('webhook_endpoints_disabled', 'Endpoints to which nothing is sent until they are enabled.'),
  };
}
