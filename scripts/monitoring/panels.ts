import { grown, largest, perSecond, quantile, samples, total } from './queries.ts';

export interface Panel {
  title: string;
  /** What it shows and what it means when it moves. */
  description: string;
  /** As Grafana names them: s, bytes, Bps, short, ops, percentunit. */
  unit: string;
  /** By their legends. */
  lines: Record<string, string>;
  /** One figure in place of a graph. */
  isFigure?: boolean;
}

export interface Row {
  title: string;
  panels: readonly Panel[];
}

const PROBES = 'route!~"/(healthz|readyz|metrics)"';

/** The median, and the slow ones. */
function quantiles(metric: string): Record<string, string> {
  return { p50: quantile(0.5, metric), p95: quantile(0.95, metric), p99: quantile(0.99, metric) };
}

/** The dashboard, row by row. */
export const rows: readonly Row[] = [
  {
    title: 'Overview',
    panels: [
      figure('Connections', 'Open now, on all edges', 'short', total('connections')),
      figure(
        'Edges',
        'Edges that are scraped; with workers one for each port',
        'short',
        `count(${samples('connections')})`,
      ),
      figure(
        'Publishes',
        'Messages published in a second',
        'ops',
        perSecond('publishes_total', { where: 'outcome="published"' }),
      ),
      figure('Deliveries', 'Messages sent to connections in a second', 'ops', perSecond('deliveries_total')),
      figure(
        'Losses announced',
        'Frames that announced messages gone from the log, in the time shown',
        'short',
        grown('lost_announced_total'),
      ),
      figure(
        'Publish to write, p99',
        'From the time in the id of a message to its last write at an edge',
        's',
        quantile(0.99, 'publish_to_write_seconds'),
      ),
    ],
  },
  {
    title: 'Latency',
    panels: [
      {
        title: 'Publish to write',
        description:
          'From the time in the id of a message to its last write to the live subscribers of an edge. The clocks of Redis and the edge differ by a part of it.',
        unit: 's',
        lines: quantiles('publish_to_write_seconds'),
      },
      {
        title: 'Loopback probe',
        description: 'From an edge through Redis back to it. It rises when Redis or the edge is short of CPU.',
        unit: 's',
        lines: quantiles('loopback_probe_seconds'),
      },
      {
        title: 'Redis round trips, p99',
        description: 'From the sending of a command to the answer, by service.',
        unit: 's',
        lines: { '{{service}}': quantile(0.99, 'redis_round_trip_seconds', { by: 'service' }) },
      },
      {
        title: 'HTTP requests, p99',
        description: 'Of control-api, by route.',
        unit: 's',
        lines: {
          '{{method}} {{route}}': quantile(0.99, 'http_request_seconds', { by: 'method, route', where: PROBES }),
        },
      },
      {
        title: 'Turns of the event loop, p99',
        description: 'Above 0.1 s a process has used up its core: add another.',
        unit: 's',
        lines: { '{{service}} {{instance}}': quantile(0.99, 'event_loop_turn_seconds', { by: 'service, instance' }) },
      },
    ],
  },
  {
    title: 'Connections',
    panels: [
      perInstance('Connections', 'Open now', 'short', total('connections', { by: 'instance' })),
      {
        title: 'Share of the connections that fit',
        description: 'Open connections against the most that an edge takes. Add edges before it is full.',
        unit: 'percentunit',
        lines: {
          '{{instance}}': `${total('connections', { by: 'instance' })} / ${total('max_connections', { by: 'instance' })}`,
        },
      },
      perInstance(
        'Handshakes',
        'A peak without a deployment: clients lose connections',
        'ops',
        perSecond('handshakes_accepted_total', { by: 'instance' }),
      ),
      {
        title: 'Handshakes refused',
        description:
          'edge-busy and edge-full: add edges; unknown-client: ids that are unregistered; too-many-handshakes: ids are being guessed.',
        unit: 'ops',
        lines: { '{{code}}': perSecond('handshakes_refused_total', { by: 'code' }) },
      },
      {
        title: 'Connections closed by an edge',
        description:
          'Stuck and overflowing readers get 4408, protocol violations 4400, floods 4429; missed heartbeats are dead peers.',
        unit: 'ops',
        lines: {
          stuck: perSecond('evictions_stuck_total'),
          overflow: perSecond('evictions_overflow_total'),
          'bad frames': perSecond('bad_frames_total'),
          'too many frames': perSecond('too_many_frames_total'),
          'missed heartbeats': perSecond('heartbeats_missed_total'),
        },
      },
    ],
  },
  {
    title: 'Delivery',
    panels: [
      {
        title: 'Publishes',
        description:
          'By outcome. repeated: an idempotency key was used again; conflict: by another caller, or for another body.',
        unit: 'ops',
        lines: { '{{outcome}}': perSecond('publishes_total', { by: 'outcome' }) },
      },
      perInstance(
        'Messages received',
        'From Redis, at each edge',
        'ops',
        perSecond('messages_received_total', { by: 'instance' }),
      ),
      perInstance(
        'Deliveries',
        'Messages sent to connections',
        'ops',
        perSecond('deliveries_total', { by: 'instance' }),
      ),
      perInstance('Bytes delivered', 'Of messages', 'Bps', perSecond('delivered_bytes_total', { by: 'instance' })),
      perInstance(
        'Slow consumers',
        'Connections that left the live subscribers, as they took messages too slowly',
        'ops',
        perSecond('slow_consumers_total', { by: 'instance' }),
      ),
      perInstance('Topics', 'With a subscriber, at each edge', 'short', total('topics', { by: 'instance' })),
    ],
  },
  {
    title: 'Recovery',
    panels: [
      {
        title: 'Gaps',
        description:
          'Messages that were not received live, and were read from the log: recovery works. Find what interrupts the subscriber connection.',
        unit: 'ops',
        lines: { found: perSecond('gaps_found_total'), 'messages filled': perSecond('gap_messages_filled_total') },
      },
      perInstance(
        'Losses announced',
        'Histories are too short for the time that clients stay away, or Redis has lost data',
        'ops',
        perSecond('lost_announced_total', { by: 'instance' }),
      ),
      {
        title: 'Reads of logs',
        description: 'Clients that resume or are slow; a peak belongs to a reconnect storm.',
        unit: 'ops',
        lines: { reads: perSecond('log_reads_total'), 'catch-ups': perSecond('catch_ups_total') },
      },
      {
        title: 'Comparison',
        description: 'Drift: a change that was not notified. Expired leases: Redis did not answer for 10 s.',
        unit: 'ops',
        lines: {
          drift: perSecond('drift_found_total'),
          'renewals missed': perSecond('lease_renewals_missed_total'),
          'leases expired': perSecond('leases_lapsed_total'),
        },
      },
    ],
  },
  {
    title: 'Redis',
    panels: [
      {
        title: 'Since the last probe came back',
        description: 'By server, the longest of all edges. Above 5 s the subscriber connection has stalled.',
        unit: 's',
        lines: { '{{server}}': largest('server_silence_seconds', { by: 'server' }) },
      },
      perInstance('Last probe', 'From Redis to each edge', 's', largest('canary_latency_seconds', { by: 'instance' })),
      {
        title: 'Subscriber connections',
        description: 'Lost: Redis restarted or closed it. Replaced: it was open and received nothing.',
        unit: 'ops',
        lines: {
          lost: perSecond('subscriber_connections_lost_total'),
          replaced: perSecond('canaries_missed_total'),
          'topics subscribed again': perSecond('resubscriptions_total'),
        },
      },
    ],
  },
  {
    title: 'API',
    panels: [
      {
        title: 'Calls',
        description: 'By route.',
        unit: 'ops',
        lines: {
          '{{method}} {{route}}': perSecond('http_request_seconds_count', { by: 'method, route', where: PROBES }),
        },
      },
      {
        title: 'Calls by status',
        description: '5xx: Redis or a fault of Holdfast; 403 and 409: callers; 429: limits.',
        unit: 'ops',
        lines: { '{{status}}': perSecond('http_request_seconds_count', { by: 'status', where: PROBES }) },
      },
      {
        title: 'Registrations',
        description: 'By outcome, beside clients that were unregistered.',
        unit: 'ops',
        lines: {
          '{{outcome}}': perSecond('registrations_total', { by: 'outcome' }),
          unregistered: perSecond('unregistrations_total'),
        },
      },
      {
        title: 'Tokens',
        description: 'Verifications and fetches of keys, by outcome.',
        unit: 'ops',
        lines: {
          '{{outcome}}': perSecond('token_verifications_total', { by: 'outcome' }),
          'keys {{outcome}}': perSecond('jwks_fetches_total', { by: 'outcome' }),
        },
      },
    ],
  },
  {
    title: 'Webhooks',
    panels: [
      {
        title: 'Lag',
        description: 'Age of the oldest event that an endpoint has not taken.',
        unit: 's',
        lines: { '{{endpoint}}': largest('webhook_lag_seconds', { by: 'endpoint' }) },
      },
      {
        title: 'Tries',
        description: 'By endpoint and outcome.',
        unit: 'ops',
        lines: { '{{endpoint}} {{outcome}}': perSecond('webhook_deliveries_total', { by: 'endpoint, outcome' }) },
      },
      {
        title: 'Dropped, disabled',
        description: 'Events that left the buffer before an endpoint took them; endpoints that are disabled.',
        unit: 'short',
        lines: {
          'dropped for {{endpoint}}': grown('webhook_events_dropped_total', { by: 'endpoint' }),
          disabled: largest('webhook_endpoints_disabled'),
        },
      },
    ],
  },
  {
    title: 'Presence',
    panels: [
      perInstance(
        'Members',
        'Present at each edge, one on two topics twice',
        'short',
        total('presence_members', { by: 'instance' }),
      ),
      perInstance(
        'Frames',
        'Many for few members: many watchers, or members that come and go',
        'ops',
        perSecond('presence_frames_total', { by: 'instance' }),
      ),
    ],
  },
  {
    title: 'Processes',
    panels: [
      perProcess(
        'CPU',
        'Cores that are used',
        'short',
        perSecond('process_cpu_seconds_total', { by: 'service, instance' }),
      ),
      perProcess('Memory', 'Resident', 'bytes', total('process_resident_memory_bytes', { by: 'service, instance' })),
      perProcess('Heap', 'Used, of Node', 'bytes', total('nodejs_heap_size_used_bytes', { by: 'service, instance' })),
      {
        title: 'Descriptors',
        description: 'Open files and sockets against the limit.',
        unit: 'percentunit',
        lines: { '{{service}} {{instance}}': `${samples('process_open_fds')} / ${samples('process_max_fds')}` },
      },
      {
        title: 'Workers',
        description: 'With EDGE_WORKERS: those that listen, and those that were started in place of one that ended.',
        unit: 'short',
        lines: {
          'listen at {{instance}}': total('workers', { by: 'instance' }),
          restarts: grown('worker_restarts_total'),
        },
      },
      perProcess(
        'Log lines dropped',
        'The log cannot be written: a full disk, or a closed pipe',
        'ops',
        perSecond('log_lines_dropped_total', { by: 'service, instance' }),
      ),
    ],
  },
];

function figure(title: string, description: string, unit: string, query: string): Panel {
  return { title, description, unit, lines: { [title]: query }, isFigure: true };
}

function perInstance(title: string, description: string, unit: string, query: string): Panel {
  return { title, description, unit, lines: { '{{instance}}': query } };
}

function perProcess(title: string, description: string, unit: string, query: string): Panel {
  return { title, description, unit, lines: { '{{service}} {{instance}}': query } };
}
