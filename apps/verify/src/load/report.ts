import { type Bucket, Histogram } from '@holdfast/harness/histogram';
import { Counters } from '@holdfast/harness/counters';
import { type FaultKind, faultKinds } from './checker.ts';
import type { Publications } from './publications.ts';
import type { Plan } from './plan.ts';
import type { Findings, Sample } from './worker-protocol.ts';

const SAMPLES = 20;
/** A thousandth of the value, as fine as the report shows. */
const PRECISION_BITS = 10;

interface LatencySummary {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** How long messages took from before they were published to their arrival at a client, in one process. */
export function newLatencies(): Histogram {
  return new Histogram(PRECISION_BITS);
}

/** The percentiles over all processes, in milliseconds; null when nothing was delivered. */
function summaryOf(latencies: readonly Bucket[][]): LatencySummary | null {
  const all = newLatencies();
  for (const one of latencies) all.add(one);
  const [p50, p90, p99, max] = [50, 90, 99, 100].map((percent) => all.percentile(percent));
  if (p50 == null || p90 == null || p99 == null || max == null) return null;
  return { p50, p90, p99, max };
}

/** What the phases of a run found out, for the report. Durations are in milliseconds. */
export interface Facts {
  registeringMs: number;
  connectingMs: number;
  connected: number;
  publishingMs: number;
  /** The shared monotonic clock when publishing began. */
  publishingAt: number;
  expected: number;
  publications: Publications;
  edgeBytesPerConnection: number | null;
  redisBytesPerClient: number | null;
  redisBytesPerConnectedClient: number | null;
  /** How many messages each server of Redis took; empty when that is not known. */
  publishedByServer: readonly number[];
  findings: Findings[];
}

/** What a run found. Times are in seconds, latencies in milliseconds, memory in bytes; null is "not known". */
export interface Report {
  /** Everything that was published arrived, once, in order, and nothing else did; and nothing else went wrong. */
  ok: boolean;
  run: string;
  seed: number;
  asked: { clients: number; topics: number; topicsPerClient: number; rate: number; seconds: number; size: number };
  workers: number;
  /** Those that held connections of this run. */
  edgesUsed: number;
  registration: { clients: number; seconds: number; perSecond: number };
  connections: {
    connected: number;
    seconds: number;
    perSecond: number;
    /** Handshakes that came to nothing and were tried again, by HTTP status or close code, or `unreachable`. */
    refusals: Record<string, number>;
    /** Connections that ended unexpectedly, by close code. */
    closes: Record<string, number>;
    reconnects: number;
    /** Clients that were left without a connection. */
    givenUp: number;
  };
  publishing: {
    published: number;
    seconds: number;
    perSecond: number;
    /** What was not published, by the code of the answer. */
    refused: Record<string, number>;
    /** Had no answer, or one that left it open, and were found in the topics' logs. */
    settledFromLog: number;
    /** How many of them each server of Redis took; empty when it is not known. */
    byServer: readonly number[];
  };
  deliveries: { expected: number; received: number; seconds: number; perSecond: number };
  latencyMs: LatencySummary | null;
  memory: {
    edgeBytesPerConnection: number | null;
    redisBytesPerClient: number | null;
    redisBytesPerConnectedClient: number | null;
  };
  faults: Record<FaultKind, number>;
  /** Missing, but announced by the edge with `lost` or `recovered: false`. */
  announced: number;
  samples: Sample[];
  /** Clients and topics that could not be removed again. */
  leftBehind: { clients: number; topics: number };
}

/** Whether a run has nothing to complain about. */
function isFlawless(report: Omit<Report, 'ok'>): boolean {
  const { faults, connections, publishing, leftBehind } = report;
  return [
    ...Object.values(faults),
    ...Object.values(publishing.refused),
    connections.givenUp,
    leftBehind.clients,
    leftBehind.topics,
  ].every((count) => count === 0);
}

/** Puts together what the phases and the workers found. */
export function reportOf(
  plan: Plan,
  run: string,
  workers: number,
  facts: Facts,
  leftBehind: Report['leftBehind'],
): Report {
  const { findings, publications } = facts;
  const sum = (of: (one: Findings) => number) => findings.reduce((total, one) => total + of(one), 0);
  const published = publications.published().reduce((total, entries) => total + entries.length, 0);
  const received = sum((one) => one.deliveries);
  const { clients, topics, topicsPerClient, rate, seconds, size, seed } = plan;
  const found: Omit<Report, 'ok'> = {
    run,
    seed,
    asked: { clients, topics, topicsPerClient, rate, seconds, size },
    workers,
    edgesUsed: new Set(findings.flatMap((one) => one.edges)).size,
    registration: { clients, ...rateOf(clients, facts.registeringMs) },
    connections: connectionsOf(findings, facts),
    publishing: {
      published,
      ...rateOf(published, facts.publishingMs),
      refused: Object.fromEntries(publications.refused),
      settledFromLog: publications.settled,
      byServer: facts.publishedByServer,
    },
    deliveries: { expected: facts.expected, received, ...rateOf(received, deliveringMs(facts)) },
    latencyMs: summaryOf(findings.map((one) => one.latency)),
    memory: {
      edgeBytesPerConnection: facts.edgeBytesPerConnection,
      redisBytesPerClient: facts.redisBytesPerClient,
      redisBytesPerConnectedClient: facts.redisBytesPerConnectedClient,
    },
    faults: Object.fromEntries(faultKinds.map((kind) => [kind, sum((one) => one.faults[kind])])) as Record<
      FaultKind,
      number
    >,
    announced: sum((one) => one.announced),
    samples: findings.flatMap((one) => one.samples).slice(0, SAMPLES),
    leftBehind,
  };
  return { ok: isFlawless(found), ...found };
}

type OfConnections = Pick<Findings, 'refusals' | 'closes' | 'reconnects' | 'givenUp'>;

/** The connections of all workers. */
export function connectionsOf(
  findings: readonly OfConnections[],
  { connected, connectingMs }: Pick<Facts, 'connected' | 'connectingMs'>,
): Report['connections'] {
  const sum = (of: (one: OfConnections) => number) => findings.reduce((total, one) => total + of(one), 0);
  return {
    connected,
    ...rateOf(connected, connectingMs),
    refusals: merged(findings.map((one) => one.refusals)),
    closes: merged(findings.map((one) => one.closes)),
    reconnects: sum((one) => one.reconnects),
    givenUp: sum((one) => one.givenUp),
  };
}

export function rateOf(count: number, ms: number): { seconds: number; perSecond: number } {
  return { seconds: round(ms / 1000), perSecond: ms > 0 ? round((count * 1000) / ms) : 0 };
}

/** From the first publish to the last arrival. */
function deliveringMs({ findings, publishingAt }: Facts): number {
  return Math.max(0, ...findings.map((one) => (one.lastDeliveryAt ?? publishingAt) - publishingAt));
}

function merged(counts: readonly Record<string, number>[]): Record<string, number> {
  const counters = new Counters();
  for (const one of counts) counters.addAll(one);
  return counters.counts();
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
