import type { Ledger } from './ledger.ts';
import type { Findings } from './worker-protocol.ts';

/** What the phases of a run found out, for the report. Durations are in milliseconds. */
export interface Facts {
  registeringMs: number;
  connectingMs: number;
  connected: number;
  publishingMs: number;
  /** The shared monotonic clock when publishing began. */
  publishingAt: number;
  expected: number;
  ledger: Ledger;
  edgeBytesPerConnection: number | null;
  redisBytesPerClient: number | null;
  redisBytesPerConnectedClient: number | null;
  /** How many messages each server of Redis took; empty when that is not known. */
  publishedByServer: readonly number[];
  findings: Findings[];
}
