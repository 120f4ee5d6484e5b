import { describeError } from './describe-error.ts';
import { Worker } from './worker.ts';
import type { Answer, FromWorker, Order, ToWorker } from './worker-protocol.ts';

/** Often enough for a display, and for seeing that nothing comes any more. */
const PROGRESS_MS = 200;

let worker: Worker | undefined;
let current = new AbortController();

function tell(message: FromWorker): void {
  // The coordinator may be gone; `disconnect` ends us then.
  if (process.connected) process.send?.(message);
}

async function carryOut(order: Order): Promise<Answer> {
  if (order.kind === 'assign') {
    worker = new Worker(order.assignment);
    return { kind: 'done', order: 'assign' };
  }
  if (worker === undefined) throw new Error('no clients were assigned');
  current = new AbortController();
  switch (order.kind) {
    case 'register':
      await worker.register(current.signal);
      break;
    case 'connect':
      await worker.connect(current.signal);
      break;
    case 'verify':
      return { kind: 'done', order: 'verify', findings: worker.verify(order.published) };
    case 'cleanUp':
      await worker.cleanUp();
      break;
  }
  return { kind: 'done', order: order.kind };
}

async function answer(order: Order): Promise<void> {
  try {
    const done = await carryOut(order);
    if (worker !== undefined) tell({ kind: 'progress', ...worker.progress() });
    tell(done);
  } catch (error) {
    tell({ kind: 'failed', message: describeError(error) });
  }
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'abort') {
    current.abort();
    return;
  }
  void answer(message);
});

// A Ctrl-C reaches every process of the terminal; the coordinator says what happens then.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(1));

setInterval(() => {
  if (worker !== undefined) tell({ kind: 'progress', ...worker.progress() });
}, PROGRESS_MS);
