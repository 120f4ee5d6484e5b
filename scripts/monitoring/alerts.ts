export interface Alert {
  name: string;
  /** page: somebody should look now; ticket: tomorrow will do. */
  severity: 'page' | 'ticket';
  expression: string;
  /** How long it has to hold. */
  for: string;
  summary: string;
  /** What it means, and what to do. */
  description: string;
}

const CALLS = 'holdfast_http_request_seconds_count{route!~"/(healthz|readyz|metrics)"';

/** The rules, the gravest first. */
export const alerts: readonly Alert[] = [
  {
    name: 'HoldfastRedisSilent',
    severity: 'page',
    expression: 'min by (job, server) (holdfast_server_silence_seconds) > 6',
    for: '15s',
    summary: 'No edge receives anything from Redis {{ $labels.server }}',
    description: 'Nothing that is published there is delivered. Look at this Redis, and at the network between.',
  },
  {
    name: 'HoldfastEdgeSilent',
    severity: 'page',
    expression: 'holdfast_canary_silence_seconds > 6',
    for: '30s',
    summary: 'The edge {{ $labels.instance }} receives nothing from Redis',
    description: 'Its subscriber connection has stalled, and it is not ready. Its log names the server.',
  },
  {
    name: 'HoldfastCallsUnavailable',
    severity: 'page',
    expression: `sum by (job) (rate(${CALLS}, status="503"}[5m])) > 0.01 * sum by (job) (rate(${CALLS}}[5m]))`,
    for: '2m',
    summary: 'More than 1 % of the calls of {{ $labels.job }} are answered with 503',
    description: 'Redis does not answer or refuses writes: /readyz and the log give its reason.',
  },
  {
    name: 'HoldfastEdgesMissing',
    severity: 'page',
    expression: 'count by (job) (holdfast_connections) < count by (job) (holdfast_connections offset 10m)',
    for: '5m',
    summary: 'There are fewer edges of {{ $labels.job }} than ten minutes ago',
    description: 'Their clients have connected elsewhere. Expected after an edge was taken away on purpose.',
  },
  {
    name: 'HoldfastLossesAnnounced',
    severity: 'ticket',
    expression: 'sum by (job) (rate(holdfast_lost_announced_total[5m])) > 0',
    for: '5m',
    summary: 'Clients of {{ $labels.job }} are sent `lost`',
    description: 'Histories are too short for the time that clients stay away, or Redis has lost data.',
  },
  {
    name: 'HoldfastGapsRising',
    severity: 'ticket',
    expression: 'sum by (job, instance) (rate(holdfast_gaps_found_total[10m])) > 1',
    for: '10m',
    summary: 'The edge {{ $labels.instance }} misses messages, and reads them from the log',
    description: 'Nothing is lost, but its subscriber connection is interrupted again and again.',
  },
  {
    name: 'HoldfastDeliverySlow',
    severity: 'ticket',
    expression: 'histogram_quantile(0.99, sum by (job, le) (rate(holdfast_publish_to_write_seconds_bucket[5m]))) > 1',
    for: '10m',
    summary: 'One message in a hundred takes more than a second to connections',
    description: 'Redis or edges are short of CPU, or their clocks differ. Compare it with the loopback probe.',
  },
  {
    name: 'HoldfastLeaseExpired',
    severity: 'ticket',
    expression: 'increase(holdfast_leases_lapsed_total[10m]) > 0',
    for: '0s',
    summary: 'The lease of the edge {{ $labels.instance }} had expired',
    description: 'Redis did not take its renewal for more than 10 s, or the process stood still.',
  },
  {
    name: 'HoldfastDrift',
    severity: 'ticket',
    expression: 'sum by (job, instance) (rate(holdfast_drift_found_total[5m])) > 0',
    for: '15m',
    summary: 'The edge {{ $labels.instance }} keeps finding connections that serve other topics than subscribed',
    description: 'Changes are not notified. A few after an outage of Redis are ordinary, more are not.',
  },
  {
    name: 'HoldfastEdgesFull',
    severity: 'ticket',
    expression: 'sum by (job) (holdfast_connections) > 0.85 * sum by (job) (holdfast_max_connections)',
    for: '10m',
    summary: 'The edges of {{ $labels.job }} hold more than 85 % of the connections that they take',
    description: 'Add edges: a full one answers handshakes with 503.',
  },
  {
    name: 'HoldfastHandshakesRefused',
    severity: 'ticket',
    expression:
      'sum by (job, code) (rate(holdfast_handshakes_refused_total[5m])) / on (job) group_left () (sum by (job) (rate(holdfast_handshakes_accepted_total[5m])) + sum by (job) (rate(holdfast_handshakes_refused_total[5m]))) > 0.05',
    for: '10m',
    summary: 'More than 5 % of the handshakes are refused with {{ $labels.code }}',
    description: 'edge-full, edge-busy: add edges; unknown-client: ids that are unregistered; the others: callers.',
  },
  {
    name: 'HoldfastReadersEvicted',
    severity: 'ticket',
    expression:
      'sum by (job, instance) (increase(holdfast_evictions_stuck_total[10m]) + increase(holdfast_evictions_overflow_total[10m])) > 0.01 * sum by (job, instance) (holdfast_connections)',
    for: '10m',
    summary:
      'The edge {{ $labels.instance }} closed more than 1 % of its connections in ten minutes, as they took nothing',
    description: 'A network or a proxy between the edge and its clients is too slow, or messages are too large.',
  },
  {
    name: 'HoldfastEventLoopSlow',
    severity: 'ticket',
    expression:
      'histogram_quantile(0.99, sum by (job, instance, service, le) (rate(holdfast_event_loop_turn_seconds_bucket[5m]))) > 0.2',
    for: '5m',
    summary: 'The event loop of {{ $labels.service }} {{ $labels.instance }} takes turns of more than 200 ms',
    description: 'The process has used up its core: add another.',
  },
  {
    name: 'HoldfastDescriptorsShort',
    severity: 'ticket',
    expression: 'holdfast_process_open_fds > 0.9 * holdfast_process_max_fds',
    for: '5m',
    summary: '{{ $labels.service }} {{ $labels.instance }} has more than 90 % of its descriptors open',
    description: 'Raise the limit of open files, or add processes.',
  },
  {
    name: 'HoldfastRestarting',
    severity: 'ticket',
    expression:
      'changes(holdfast_process_start_time_seconds[30m]) > 2 or increase(holdfast_worker_restarts_total[30m]) > 2',
    for: '0s',
    summary: '{{ $labels.service }} {{ $labels.instance }} restarts again and again',
    description: 'The last lines of its log say why.',
  },
  {
    name: 'HoldfastLogLinesDropped',
    severity: 'ticket',
    expression: 'rate(holdfast_log_lines_dropped_total[10m]) > 0',
    for: '10m',
    summary: '{{ $labels.service }} {{ $labels.instance }} cannot write its log',
    description: 'A full disk, or a closed pipe. The service goes on without it.',
  },
  {
    name: 'HoldfastJwksFailing',
    severity: 'ticket',
    expression:
      'sum by (job) (increase(holdfast_jwks_fetches_total{outcome="failed"}[15m])) > 0 unless sum by (job) (increase(holdfast_jwks_fetches_total{outcome="fetched"}[15m])) > 0',
    for: '10m',
    summary: 'The keys of an issuer of tokens cannot be fetched',
    description: 'Its jwksUrl does not answer. Keys that were fetched before stay in force; new ones are not known.',
  },
  {
    name: 'HoldfastWebhookLate',
    severity: 'ticket',
    expression: 'max by (job, endpoint) (holdfast_webhook_lag_seconds) > 60',
    for: '5m',
    summary: 'The webhook endpoint {{ $labels.endpoint }} is more than a minute behind',
    description: 'It answers slowly or with failures: GET /v1/webhooks has the last of them.',
  },
  {
    name: 'HoldfastWebhookDisabled',
    severity: 'ticket',
    expression: 'max by (job) (holdfast_webhook_endpoints_disabled) > 0',
    for: '0s',
    summary: 'A webhook endpoint is disabled',
    description: 'It answered 410, or failed for 24 h: GET /v1/webhooks names it. Enable it once it works again.',
  },
  {
    name: 'HoldfastWebhookEventsDropped',
    severity: 'page',
    expression: 'sum by (job, endpoint) (increase(holdfast_webhook_events_dropped_total[10m])) > 0',
    for: '0s',
    summary: 'Events for the webhook endpoint {{ $labels.endpoint }} were dropped',
    description: 'It was behind by more than the buffer holds. What it missed has to be read from the API.',
  },
];
