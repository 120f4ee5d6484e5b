import type { FromWorker, ToWorker } from './worker-protocol.ts';
import { Worker } from './worker.ts';

/** Often enough for conditions that wait for it. */
const PROGRESS_MS = 50;

const worker = new Worker();

function tell(message: FromWorker): void {
  // The suite may be gone; `disconnect` ends us then.
  if (process.connected) process.send?.(message);
}

async function carryOut(message: ToWorker): Promise<void> {
  const { call } = message;
  try {
    const answer = await worker.carryOut(message);
    tell({ kind: 'progress', progress: worker.progress() });
    tell({ kind: 'done', call, answer });
  } catch (error) {
    tell({ kind: 'failed', call, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

process.on('message', (message: ToWorker) => void carryOut(message));
process.on('disconnect', () => process.exit(1));
setInterval(() => tell({ kind: 'progress', progress: worker.progress() }), PROGRESS_MS);
