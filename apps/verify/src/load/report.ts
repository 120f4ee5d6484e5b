import type { FaultKind } from './checker.ts';
import type { LatencySummary } from './latency.ts';
import type { Sample } from './worker-protocol.ts';

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
    /** Connections that ended although nobody asked for it, by close code. */
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
export function isFlawless(report: Omit<Report, 'ok'>): boolean {
  const { faults, connections, publishing, leftBehind } = report;
  return [
    ...Object.values(faults),
    ...Object.values(publishing.refused),
    connections.givenUp,
    leftBehind.clients,
    leftBehind.topics,
  ].every((count) => count === 0);
}
