import { ROUND_TRIP_HELP, roundTrips } from '@holdfast/redis/round-trips';
import type { Metrics } from '@holdfast/service/metrics';
import fp from 'fastify-plugin';

export type Counts = ReturnType<typeof createCounts>;

/** The domain metrics of this service. */
export function createCounts(metrics: Metrics) {
  metrics.fixedHistogram('redis_round_trip_seconds', ROUND_TRIP_HELP, () => roundTrips);
  return {
    registrations: metrics.counter(
      'registrations_total',
      'Register calls that reached Redis, by outcome: registered or why not.',
      ['outcome'],
    ),
    unregistrations: metrics.counter('unregistrations_total', 'Clients unregistered by calls.'),
    tokenVerifications: metrics.counter(
      'token_verifications_total',
      'Tokens that were verified, by outcome; one that was verified before is not verified again.',
      ['outcome'],
    ),
    jwksFetches: metrics.counter('jwks_fetches_total', 'Fetches of the keys of issuers of tokens (JWKS), by outcome.', [
      'outcome',
    ]),
    publishes: metrics.counter('publishes_total', 'Messages published to topics and clients, by outcome.', ['outcome']),
  };
}

const MS_PER_SECOND = 1000;
/** A call takes one or two round trips to Redis: half a millisecond and up. In seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Request durations, by route and status. */
export const requestMetrics = fp<{ metrics: Metrics }>(async (app, { metrics }) => {
  const seconds = metrics.histogram(
    'http_request_seconds',
    'HTTP request duration in seconds, by method, route and status.',
    ['method', 'route', 'status'],
    BUCKETS,
  );
  app.addHook('onResponse', async (request, reply) => {
    // With the URL in place of the route's pattern every path would be a time series of its own.
    const route = request.routeOptions.url ?? 'unmatched';
    seconds.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / MS_PER_SECOND,
    );
  });
});
