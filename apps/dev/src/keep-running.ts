import { setTimeout as delay } from 'node:timers/promises';
import { describeExit, type Exit } from '@holdfast/local/child';
import { failureText } from './failure.ts';

/** The wait before the first restart doubles with every further failure, up to the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** A child that has run for so long is well: its next end is the first failure again. */
const HEALTHY_MS = 30_000;

export interface KeptChild {
  readonly exited: Promise<Exit>;
  readonly stop: () => Promise<unknown>;
}

export interface KeepRunningOptions<Child extends KeptChild> {
  name: string;
  child: Child;
  /** Starts the next one. */
  again: () => Promise<Child>;
  /** Called when the next one runs. */
  onBack?: () => void;
  log: (line: string) => void;
  /** Between 0 and 1; spreads the waits of children that ended together. */
  random?: () => number;
}

/**
 * Starts a child again whenever it ends, after a wait with backoff and jitter, and says so.
 * @returns the stop: ends the child, and this
 */
export function keepRunning<Child extends KeptChild>(options: KeepRunningOptions<Child>): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let child: Child | null = options.child;
  const watch = async () => {
    let failures = 0;
    while (child !== null) {
      const since = performance.now();
      const exit = await child.exited;
      if (signal.aborted) return;
      if (performance.now() - since >= HEALTHY_MS) failures = 0;
      child = null;
      let reason = `ended (${describeExit(exit)})`;
      while (child === null) {
        const wait = waitMs(failures, options.random ?? Math.random);
        failures += 1;
        options.log(`${options.name} ${reason}, starting it again in ${(wait / 1000).toFixed(1)} s`);
        if (!(await waited(wait, signal))) return;
        const next = await attempt(options.again);
        if ('error' in next) reason = `did not start: ${next.error}`;
        else child = next.child;
      }
      // Stopped while it was started: `stop` ends it.
      if (signal.aborted) return;
      options.log(`${options.name} runs again`);
      options.onBack?.();
    }
  };
  const watching = watch();
  return async () => {
    stopping.abort();
    // One that is being started at this moment is waited for, to be ended as well.
    if (child === null) await watching;
    await child?.stop();
    await watching;
  };
}

/** Half of a doubling bound, and up to the whole of it by chance. In milliseconds. */
export function waitMs(failures: number, random: () => number): number {
  const bound = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
  return (bound * (1 + random())) / 2;
}

/** False when the signal came first. */
async function waited(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(milliseconds, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function attempt<Child>(start: () => Promise<Child>): Promise<{ child: Child } | { error: string }> {
  try {
    return { child: await start() };
  } catch (error) {
    return { error: failureText(error) };
  }
}
