import { serveCalls } from '@holdfast/harness/worker-channel';
import { PresenceWorker } from './presence/presence-worker.ts';
import { Worker } from './worker.ts';
import { type WorkerCalls, noProgress } from './worker-protocol.ts';

/** Often enough for a display, and for seeing that nothing comes any more. */
const PROGRESS_MS = 200;

let deliveries: Worker | undefined;
let presence: PresenceWorker | undefined;

function assigned<T>(worker: T | undefined): T {
  if (worker === undefined) throw new Error('no clients were assigned');
  return worker;
}

serveCalls<WorkerCalls>(
  {
    assign: (assignment) => {
      if (assignment.presence === null) deliveries = new Worker(assignment);
      else presence = new PresenceWorker(assignment, assignment.presence);
    },
    register: (_, signal) => assigned(presence ?? deliveries).register(signal),
    connect: (_, signal) => assigned(presence ?? deliveries).connect(signal),
    verify: (published) => assigned(deliveries).verify(published),
    churn: (_, signal) => assigned(presence).churn(signal),
    present: () => assigned(presence).present(),
    watched: (clients, signal) => assigned(presence).watched(clients, signal),
    cleanUp: () => assigned(presence ?? deliveries).cleanUp(),
  },
  () => (presence ?? deliveries)?.progress() ?? noProgress,
  PROGRESS_MS,
);
