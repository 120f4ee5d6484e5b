import type { Metrics } from '@holdfast/service/metrics';
import { ROUND_TRIP_HELP, roundTrips } from '@holdfast/redis/round-trips';
import type { Edge } from './edge.ts';
import { PusherDoor } from './pusher/door.ts';
import type { Counters, Latencies } from './counters.ts';

/** The name and help text of each counter. */
const counters: Record<keyof Counters, readonly [name: string, help: string]> = {
  messagesReceived: ['messages_received_total', 'Messages received from Redis'],
  deliveries: ['deliveries_total', 'Messages sent to connections'],
  deliveredBytes: ['delivered_bytes_total', 'Bytes of messages sent to connections'],
  gapsFound: ['gaps_found_total', 'Live messages that did not follow the one before'],
  gapMessagesFilled: [
    'gap_messages_filled_total',
    'Messages that a topic took from its log because they were not received',
  ],
  lostAnnounced: ['lost_announced_total', 'Frames that announced messages gone from the log'],
  catchUps: ['catch_ups_total', 'Subscriptions brought up from the log'],
  logReads: ['log_reads_total', 'Reads of topic logs'],
  resubscriptions: [
    'resubscriptions_total',
    'Topic subscriptions that Redis confirmed, the first one of each included',
  ],
  subscriberConnectionsLost: ['subscriber_connections_lost_total', 'Times the subscriber connection to Redis was lost'],
  driftFound: [
    'drift_found_total',
    'Connections that the steady comparison found serving other topics than subscribed',
  ],
  leaseRenewalsMissed: ['lease_renewals_missed_total', 'Renewals of the lease that Redis did not take'],
  leasesExpired: ['leases_lapsed_total', 'Times the lease had expired'],
  slowConsumers: [
    'slow_consumers_total',
    'Times a connection took its messages too slowly and left the live subscribers',
  ],
  evictedStuck: ['evictions_stuck_total', 'Connections closed because they took nothing for too long'],
  evictedOverflow: ['evictions_overflow_total', 'Connections closed because even frames without messages piled up'],
  badFrames: ['bad_frames_total', 'Connections closed because of a protocol violation'],
  tooManyFrames: ['too_many_frames_total', 'Connections closed because they went on sending more than their rate'],
  heartbeatsMissed: ['heartbeats_missed_total', 'Connections cut because two pings were not answered'],
  handshakesAccepted: ['handshakes_accepted_total', 'Connections opened'],
  probesMissed: [
    'canaries_missed_total',
    'Loopback probes that did not come back: the subscriber connection was stalled',
  ],
  presenceFrames: ['presence_frames_total', 'Frames sent of who is present on topics'],
};

/** The name and help text of each histogram. */
const latencies: Record<keyof Latencies, readonly [name: string, help: string]> = {
  publishToWrite: [
    'publish_to_write_seconds',
    'From the time in the id of a message, which is that of Redis, to its last write to the live subscribers of this edge; one observation a message. What the clocks of Redis and this machine differ by is in it',
  ],
  loopbackProbe: ['loopback_probe_seconds', 'From the sending of a loopback probe through Redis to its arrival'],
};

/** Makes metrics of what the edge counts; they are read at a scrape. */
export function exposeMetrics(metrics: Metrics, edge: Edge): void {
  exposeDoor(metrics, () => (edge.door instanceof PusherDoor ? edge.door : null));
  for (const [key, [name, help]] of Object.entries(counters) as [keyof Counters, readonly [string, string]][]) {
    const counter = metrics.counter(name, help);
    onCollect(counter, () => {
      counter.reset();
      counter.inc(edge.counters[key]);
    });
  }
  for (const [key, [name, help]] of Object.entries(latencies) as [keyof Latencies, readonly [string, string]][]) {
    metrics.fixedHistogram(name, help, () => edge.latencies[key]);
  }
  metrics.fixedHistogram('redis_round_trip_seconds', ROUND_TRIP_HELP, () => roundTrips);
  const refused = metrics.counter('handshakes_refused_total', 'Handshakes refused, by the code of the answer', [
    'code',
  ]);
  onCollect(refused, () => {
    refused.reset();
    for (const [code, count] of edge.refusals) refused.inc({ code }, count);
  });
  gauge(metrics, 'connections', 'Connections open now', () => edge.connections);
  gauge(metrics, 'max_connections', 'The most connections that it takes', () => edge.maxConnections);
  gauge(metrics, 'presence_members', 'Members present here now, one on two topics twice', () => edge.presence.members);
  gauge(metrics, 'topics', 'Topics subscribed now', () => edge.topics.size);
  gauge(
    metrics,
    'canary_latency_seconds',
    'From Redis to this edge, by the last loopback probe',
    () => edge.probes.latencyMs / 1000,
    'max',
  );
  gauge(
    metrics,
    'canary_silence_seconds',
    'Since the last loopback probe came back',
    () => edge.probes.silentMs / 1000,
    'max',
  );
  const silence = metrics.gauge(
    'server_silence_seconds',
    'Since the last loopback probe came back, for each server that the edge is subscribed at',
    ['server'],
    'max',
  );
  onCollect(silence, () => {
    silence.reset();
    for (const { server, silentMs } of edge.probes.silences()) silence.set({ server }, silentMs / 1000);
  });
}

/** Of the Pusher door. */
function exposeDoor(metrics: Metrics, door: () => PusherDoor | null): void {
  gauge(metrics, 'pusher_connections', 'Connections of the Pusher door open now', () => door()?.connections.size ?? 0);
  gauge(metrics, 'pusher_held', 'Connections of the Pusher door that wait to be established', () => door()?.held ?? 0);
  const relayed = metrics.counter('pusher_client_events_total', 'Events of clients, by whether they were relayed', [
    'relayed',
  ]);
  onCollect(relayed, () => {
    relayed.reset();
    relayed.inc({ relayed: 'yes' }, door()?.counters.clientEvents ?? 0);
    relayed.inc({ relayed: 'no' }, door()?.counters.clientEventsRefused ?? 0);
  });
  const closed = metrics.counter('pusher_closed_total', 'Connections that the Pusher door closed, by the close code', [
    'code',
  ]);
  onCollect(closed, () => {
    closed.reset();
    for (const [code, count] of door()?.counters.closed ?? []) closed.inc({ code: String(code) }, count);
  });
}

/** @param ofWorkers how those of several workers on one port are combined: their sum, or the worst */
function gauge(
  metrics: Metrics,
  name: string,
  help: string,
  read: () => number,
  ofWorkers: 'sum' | 'max' = 'sum',
): void {
  const made = metrics.gauge(name, help, [], ofWorkers);
  onCollect(made, () => made.set(read()));
}

/** prom-client calls `collect` before it prints a metric. */
function onCollect(metric: object, collect: () => void): void {
  Object.assign(metric, { collect });
}
