import type { WorkerPool } from '@holdfast/harness/worker-pool';
import type { PresenceFindings } from '../presence/findings.ts';
import type { PresenceRun } from '../presence/judge.ts';
import type { MemberSpans } from '../presence/log.ts';
import type { App } from './app.ts';
import type { MemberPlan } from './channels.ts';
import type { CheckOrder, Findings } from './findings.ts';
import type { Receptions } from './order.ts';

/** The first call of a worker process. */
export interface Assignment {
  members: readonly MemberPlan[];
  app: App;
  edgeUrls: readonly string[];
  seed: number;
}

/** The calls that a worker takes: what comes with each, and what it answers. */
export interface MemberCalls {
  /** Connects the members, and waits until each is subscribed to all its channels. */
  begin: { ask: Assignment; answer: null };
  /** Waits until every member has received these messages on its present connection; gives those that had not in time. */
  reached: {
    ask: { positions: Record<string, string>; timeoutMs: number };
    answer: { missing: number; samples: string[] };
  };
  /** Describes some members that should have a connection, and have none. */
  absent: { ask: null; answer: { members: string[] } };
  /** Has this many connections come and go, one after the other in several lanes. */
  warmUp: { ask: { edgeUrls: readonly string[]; handshakes: number; lanes: number }; answer: null };
  presenceTruth: { ask: null; answer: { members: MemberSpans[] } };
  presenceWrong: { ask: { truth: readonly MemberSpans[] }; answer: { wrong: string[] } };
  presenceJudge: { ask: { truth: readonly MemberSpans[]; run: PresenceRun }; answer: PresenceFindings };
  /** In which order messages came. */
  receptions: { ask: null; answer: Receptions };
  /** Compares what the members saw with what was published. */
  check: { ask: CheckOrder; answer: Findings };
}

export interface Progress {
  members: number;
  open: number;
}

/** The processes that hold the verifying clients. */
export type Pool = WorkerPool<MemberCalls, Progress>;
