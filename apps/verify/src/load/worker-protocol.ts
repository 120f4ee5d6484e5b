import type { Bucket } from '@holdfast/harness/histogram';
import type { Entry, FaultKind } from './checker.ts';
import type { Run } from './identity.ts';
import type { Plan } from './plan.ts';
import type { PresenceFindings, Present } from './presence/findings.ts';
import type { Target } from './target.ts';

/** The first call of a worker process: its share of the clients, and where they go. */
export interface Assignment {
  run: Run;
  worker: number;
  /** Its clients are `[firstClient, firstClient + clients)`. */
  firstClient: number;
  clients: number;
  topics: number;
  topicsPerClient: number;
  seed: number;
  controlUrl: string;
  key: string;
  /** Calls, and handshakes, under way at once. */
  callsAtOnce: number;
  handshakesAtOnce: number;
  /** Null: what is verified are deliveries. */
  presence: PresenceAssignment | null;
}

/** A share of a run that verifies presence. */
export interface PresenceAssignment {
  /** The first of the worker's clients, which watch. */
  watchers: number;
  /** Joins and leaves a second, half of each. */
  churn: number;
  seconds: number;
}

/** The calls that a worker takes. */
export interface WorkerCalls {
  assign: { ask: Assignment; answer: void };
  register: { ask: null; answer: void };
  connect: { ask: null; answer: void };
  /** What was published on each topic. */
  verify: { ask: Entry[][]; answer: Findings };
  cleanUp: { ask: null; answer: void };
  /** Has clients leave and join. Resolves when the last of them has. */
  churn: { ask: null; answer: void };
  /** Which clients are connected, by their numbers in the run. */
  present: { ask: null; answer: Present };
  /** Waits until each watcher shows exactly these, or until that has taken too long, and compares. */
  watched: { ask: readonly number[]; answer: PresenceFindings };
}

/** How far a worker is. */
export interface Progress {
  registered: number;
  /** Clients that have a welcome at the moment. */
  connected: number;
  deliveries: number;
  unregistered: number;
  /** Joins and leaves that were begun. */
  changes: number;
}

export const noProgress: Progress = { registered: 0, connected: 0, deliveries: 0, unregistered: 0, changes: 0 };

/** A fault with the client it happened to, for the search for its cause. */
export interface Sample {
  kind: FaultKind;
  client: number;
  topic: string;
  id: string;
}

export interface Findings {
  deliveries: number;
  faults: Record<FaultKind, number>;
  announced: number;
  /** The first ones of each kind. */
  samples: Sample[];
  /** The buckets of a {@link newLatencies}. */
  latency: Bucket[];
  /** When the last message came, in milliseconds of the shared monotonic clock; null when none did. */
  lastDeliveryAt: number | null;
  /** The URLs of the edges that held connections. */
  edges: string[];
  /** Handshakes that came to nothing and were tried again, by HTTP status or close code, or `unreachable`. */
  refusals: Record<string, number>;
  /** Connections that ended unexpectedly, by close code. */
  closes: Record<string, number>;
  reconnects: number;
  /** Clients without a connection that will not get one. */
  givenUp: number;
}

/** Calls under way at once, over all workers: keeps a control-api busy, and stays far from its time-outs. */
const CALLS_AT_ONCE = 64;
/** Handshakes under way at once, over all workers: an edge admits as many as it can, and puts off the rest. */
const HANDSHAKES_AT_ONCE = 256;

/** Shares the clients out to the workers. */
export function assignmentsFor(plan: Plan, run: Run, target: Target, workers: number): Assignment[] {
  const share = Math.ceil(plan.clients / workers);
  const clientsOf = (worker: number) => Math.max(0, Math.min(share, plan.clients - worker * share));
  return Array.from({ length: workers }, (_, worker) => ({
    run,
    worker,
    firstClient: worker * share,
    clients: clientsOf(worker),
    topics: plan.topics,
    topicsPerClient: plan.topicsPerClient,
    seed: plan.seed,
    controlUrl: target.controlUrl,
    key: target.key,
    callsAtOnce: Math.max(1, Math.floor(CALLS_AT_ONCE / workers)),
    handshakesAtOnce: Math.max(1, Math.floor(HANDSHAKES_AT_ONCE / workers)),
    presence: plan.presence && presenceOf(plan, plan.presence, worker * share, clientsOf(worker)),
  }));
}

function presenceOf(
  { clients: all, seconds }: Plan,
  { watchers, churn }: { watchers: number; churn: number },
  firstClient: number,
  clients: number,
): PresenceAssignment {
  const watchersBefore = (client: number) => Math.floor((watchers * client) / all);
  return {
    watchers: clients === 0 ? 0 : watchersBefore(firstClient + clients) - watchersBefore(firstClient),
    churn: (churn * clients) / all,
    seconds,
  };
}
