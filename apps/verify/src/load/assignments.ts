import type { Run } from './identity.ts';
import type { Plan } from './plan.ts';
import type { Target } from './target.ts';
import type { Assignment } from './worker-protocol.ts';

/** Calls under way at once, over all workers: keeps a control-api busy, and stays far from its time-outs. */
const CALLS_AT_ONCE = 64;
/** Handshakes under way at once, over all workers: an edge admits as many as it can, and puts off the rest. */
const HANDSHAKES_AT_ONCE = 256;

/** Shares the clients out to the workers. */
export function assignmentsFor(plan: Plan, run: Run, target: Target, workers: number): Assignment[] {
  const share = Math.ceil(plan.clients / workers);
  return Array.from({ length: workers }, (_, worker) => ({
    run,
    worker,
    firstClient: worker * share,
    clients: Math.max(0, Math.min(share, plan.clients - worker * share)),
    topics: plan.topics,
    topicsPerClient: plan.topicsPerClient,
    seed: plan.seed,
    controlUrl: target.controlUrl,
    key: target.key,
    callsAtOnce: Math.max(1, Math.floor(CALLS_AT_ONCE / workers)),
    handshakesAtOnce: Math.max(1, Math.floor(HANDSHAKES_AT_ONCE / workers)),
  }));
}
