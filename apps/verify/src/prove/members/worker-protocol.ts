import type { WorkerPool } from '@holdfast/harness/worker-pool';
import type { Position } from '@holdfast/protocol/position-order';
import type { Fault, FaultKind, Rules } from '../checker/checker.ts';
import type { Expectation } from '../checker/log.ts';
import type { TopicTruth } from '../checker/truth.ts';
import type { PresenceFindings } from '../presence/findings.ts';
import type { PresenceRun } from '../presence/judge.ts';
import type { MemberSpans } from '../presence/log.ts';

export interface MemberPlan {
  member: number;
  topics: readonly string[];
  expectation: Expectation;
}

/** The first call of a worker process. */
export interface Assignment {
  members: readonly MemberPlan[];
  controlUrls: readonly string[];
  edgeUrls: readonly string[];
  key: string;
  seed: number;
}

/** The calls that a worker takes: what comes with each, and what it answers. */
export interface MemberCalls {
  /** Registers the members, connects them, and waits until every one has its welcome. */
  begin: { ask: Assignment; answer: null };
  /** Waits until every member has all up to these positions; gives those that had not in time. */
  reached: {
    ask: { positions: Record<string, Position>; timeoutMs: number };
    answer: { missing: number; samples: string[] };
  };
  /** Describes some members that should have a connection, and have none. */
  absent: { ask: null; answer: { members: string[] } };
  /** Members `[from, from + count)` of this worker stop reading; to those that do so for ever nothing more is owed. */
  pause: { ask: { from: number; count: number; forEver: boolean }; answer: null };
  /** Those that had not stopped for ever go on. */
  unpause: { ask: null; answer: null };
  /** Names the first so many members, as `change` takes them. */
  who: { ask: { members: number }; answer: { clientIds: string[] } };
  /**
   * The first so many members subscribe to a topic, or unsubscribe: one try each, or until it is done; then a refusal
   * rejects.
   */
  change: {
    ask: {
      what: 'subscribe' | 'unsubscribe';
      members: number;
      topic: string;
      controlUrls: readonly string[];
      retry: boolean;
    };
    answer: { done: number };
  };
  /** The first so many members each get a twin with the same client id; the two replace each other for so long. */
  twins: { ask: { members: number; ms: number }; answer: { replaced: number } };
  /** So many members of an edge get a twin that connects elsewhere and takes the client over for good. */
  takeOver: { ask: { edge: string; members: number; edgeUrls: readonly string[] }; answer: { takenOver: number } };
  /** Of those that were taken over, connections that are open still; of those that took over, how many lost theirs. */
  takenOver: { ask: null; answer: { open: number; disturbed: number } };
  /** The first so many members take topics up and leave them, and as many others register and unregister, for so long. */
  storm: {
    ask: { members: number; topics: readonly string[]; ms: number };
    answer: { subscribed: number; unsubscribed: number; registered: number };
  };
  /** All registrations are gone, or are about to be: nothing more is owed to the members there are. */
  forget: { ask: { at: number }; answer: null };
  /** Members that were closed with 4410 register again, as new ones, and connect; waits until all are. */
  registerAgain: { ask: { timeoutMs: number }; answer: { registered: number } };
  /** So many others register, and their connections come and go for so long; in the end some are there. */
  crowd: { ask: { clients: number; ms: number }; answer: { came: number; broke: number } };
  /** When the clients of this worker were connected and subscribed to the topic with presence. */
  presenceTruth: { ask: null; answer: { members: MemberSpans[] } };
  /** What watchers show that is not so now, each as a sentence. */
  presenceWrong: { ask: { truth: readonly MemberSpans[] }; answer: { wrong: string[] } };
  /** Compares what watchers saw with who was there. */
  presenceJudge: { ask: { truth: readonly MemberSpans[]; run: PresenceRun }; answer: PresenceFindings };
  /** Compares what the members saw with what was published. */
  check: { ask: CheckOrder; answer: Findings };
}

export interface CheckOrder {
  truths: readonly TopicTruth[];
  rules: Rules;
  /** When everybody had something, and when the end was reached: silence is measured between. */
  from: number;
  to: number;
  /** Recovery is measured from here, to the first message that was published later. */
  recoverFrom: number;
  /** Latencies are taken of messages that were published in these times, by members that were never paused. */
  latencyWithin: readonly Window[];
}

export interface Window {
  from: number;
  to: number;
}

/** What members found, all together. */
export interface Findings {
  members: number;
  received: number;
  deduplicated: number;
  announced: number;
  /** Times that a loss was announced to a member. */
  announcements: number;
  faults: Record<FaultKind, number>;
  /** The first faults, for the search for their cause. */
  samples: Fault[];
  /** The longest time in which a member that should have received something did not, in milliseconds. */
  longestSilenceMs: number;
  /** Until the last member received something published after `recoverFrom`, in milliseconds; null when none did. */
  recoverMs: number | null;
  /** Members that never received anything published after `recoverFrom`. */
  notRecovered: number;
  /** From publishing to handing out, in milliseconds, for each of `latencyWithin`. */
  latencies: number[][];
  /** Connections that ended, or did not come about, by close code. */
  closes: Record<string, number>;
}

export interface Progress {
  members: number;
  open: number;
}

/** The processes that hold the verifying clients. */
export type Pool = WorkerPool<MemberCalls, Progress>;
