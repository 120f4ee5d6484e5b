import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './messages.ts';

const PROGRAM = fileURLToPath(new URL('worker-main.ts', import.meta.url));

/** How a process ended: an exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker, as its parent sees it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Never rejects. */
  readonly exited: Promise<Exit>;
  readonly onMessage: (listener: (message: FromWorker) => void) => void;
  /** Does nothing for a worker that has exited. */
  readonly send: (message: ToWorker) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/**
 * Starts a worker. It writes to our standard output itself, so that no line waits for us, and stays in our process group:
 * a Ctrl-C reaches it as it reaches us, and it drains once for both.
 */
export function startWorker(env: NodeJS.ProcessEnv): WorkerProcess {
  const child = fork(PROGRAM, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    // It could not be started, or not be sent something because it is about to exit.
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
  return {
    pid: child.pid,
    exited,
    onMessage: (listener) => child.on('message', listener),
    send: (message) => {
      if (child.connected) child.send(message);
    },
    kill: (signal) => child.kill(signal),
  };
}
