import { serveCalls } from '@holdfast/harness/worker-channel';
import { Worker } from './worker.ts';

/** Often enough for conditions that wait for it. */
const PROGRESS_MS = 50;

const worker = new Worker();
serveCalls(worker.handlers(), () => worker.progress(), PROGRESS_MS);
