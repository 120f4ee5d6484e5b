import type { Metrics } from '@holdfast/service/metrics';

export type Counts = ReturnType<typeof createCounts>;

/** What this service counts of its trade. */
export function createCounts(metrics: Metrics) {
  return {
    registrations: metrics.counter('registrations_total', 'Calls of Register that got through, by outcome.', [
      'outcome',
    ]),
    unregistrations: metrics.counter('unregistrations_total', 'Clients that were unregistered.'),
    publishes: metrics.counter('publishes_total', 'Messages handed to a topic or a client, by outcome.', ['outcome']),
  };
}
