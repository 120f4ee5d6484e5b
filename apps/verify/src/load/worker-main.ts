import { serveCalls } from '@holdfast/harness/worker-channel';
import { Worker } from './worker.ts';
import { type WorkerCalls, noProgress } from './worker-protocol.ts';

/** Often enough for a display, and for seeing that nothing comes any more. */
const PROGRESS_MS = 200;

let worker: Worker | undefined;

function assigned(): Worker {
  if (worker === undefined) throw new Error('no clients were assigned');
  return worker;
}

serveCalls<WorkerCalls>(
  {
    assign: (assignment) => {
      worker = new Worker(assignment);
    },
    register: (_, signal) => assigned().register(signal),
    connect: (_, signal) => assigned().connect(signal),
    verify: (published) => assigned().verify(published),
    cleanUp: () => assigned().cleanUp(),
  },
  () => worker?.progress() ?? noProgress,
  PROGRESS_MS,
);
