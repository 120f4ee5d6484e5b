import type { Logger } from './logger.ts';

/**
 * A Ctrl-C reaches a service under npm twice: from the terminal, and a moment later from npm, which passes it on. No
 * person presses it twice within this time.
 */
const ECHO_MS = 250;

export interface ShutdownStep {
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** Default: SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Begins the shutdown as a signal does; when one is under way it changes nothing. */
  readonly begin?: AbortSignal;
  /** Run one after the other, in this order. Read when the signal comes, so a main may add to it as it starts things. */
  readonly steps: readonly ShutdownStep[];
  /** For all steps together, in milliseconds; past it the process exits with 1. */
  readonly deadlineMs: number;
}

/**
 * Ends the process in order. On the first signal every step runs once, also after one that failed, and the process
 * exits: 0 when all went well, else 1. A second signal exits with 1 at once. An uncaught exception is logged
 * as fatal and exits with 1: nothing is known any more of the state such a process is in.
 * @returns the stop: signals and errors are Node's again
 */
export function onShutdown(options: ShutdownOptions): () => void {
  const { logger, signals = ['SIGTERM', 'SIGINT'], begin, steps, deadlineMs } = options;
  let running = 'none';
  let begunAt: number | null = null;

  function onSignal(signal: NodeJS.Signals): void {
    if (begunAt !== null) {
      if (performance.now() - begunAt < ECHO_MS) return;
      logger.warn({ signal, step: running }, 'second signal, exiting at once');
      process.exit(1);
    }
    start({ signal });
  }

  function onBegin(): void {
    if (begunAt === null) start({});
  }

  function start(why: { signal?: NodeJS.Signals }): void {
    begunAt = performance.now();
    logger.info(why, 'shutting down');
    setTimeout(() => {
      logger.error({ step: running, deadlineMs }, 'shutdown took too long');
      process.exit(1);
    }, deadlineMs);
    void runSteps();
  }

  async function runSteps(): Promise<void> {
    let failures = 0;
    for (const { name, run } of steps) {
      running = name;
      try {
        await run();
      } catch (error) {
        failures += 1;
        logger.error({ err: error, step: name }, 'shutdown step failed');
      }
    }
    logger.info({ failures }, 'shut down');
    process.exit(failures === 0 ? 0 : 1);
  }

  function onFatal(error: unknown, origin: 'uncaughtException' | 'unhandledRejection'): void {
    logger.fatal({ err: error, origin }, 'uncaught exception');
    process.exit(1);
  }

  for (const signal of signals) process.on(signal, onSignal);
  // Without a listener of its own an unhandled rejection arrives here too, and the origin distinguishes them.
  process.on('uncaughtException', onFatal);
  begin?.addEventListener('abort', onBegin);
  if (begin?.aborted) onBegin();

  return () => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('uncaughtException', onFatal);
    begin?.removeEventListener('abort', onBegin);
  };
}
