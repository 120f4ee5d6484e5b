import { setTimeout as delay } from 'node:timers/promises';
import { forEachBounded } from '@holdfast/harness/bounded';
import { ControlApi } from '@holdfast/harness/control-api';
import { Unreachable } from '@holdfast/harness/http-pool';
import type { ProgressDisplay } from '@holdfast/harness/progress';
import { WorkerPool } from '@holdfast/harness/worker-pool';
import { type Run, clientIdOf, newRun, topicNames } from './identity.ts';
import type { Plan } from './plan.ts';
import { PUBLISHES_AT_ONCE } from './publisher.ts';
import type { Target } from './target.ts';
import { type Assignment, type Progress, type WorkerCalls, assignmentsFor, noProgress } from './worker-protocol.ts';

/** Creating and removing topics. */
export const CALLS_AT_ONCE = 32;
const SHOW_MS = 200;
/** An edge reports as soon as it listens. */
const EDGES_REPORT_MS = 10_000;

/** Sockets are what a worker allocates; a small young generation keeps 1 kB of resident memory a connection away. */
const WORKER = { module: new URL('worker-main.ts', import.meta.url), execArgv: ['--max-semi-space-size=8'] };

export type Pool = WorkerPool<WorkerCalls, Progress>;

export interface RunOptions {
  plan: Plan;
  target: Target;
  workers: number;
  display: ProgressDisplay;
  /** Ends the run early; what it made is removed nevertheless. */
  signal: AbortSignal;
}

/** What the phases of a run work with. The signal is aborted as well when a worker process ends. */
export interface Scene extends RunOptions {
  run: Run;
  control: ControlApi;
  pool: Pool;
  topics: readonly string[];
}

/** What could not be removed again. */
export interface LeftBehind {
  clients: number;
  topics: number;
}

export interface Conducted<Facts> {
  run: string;
  facts: Facts;
  leftBehind: LeftBehind;
}

/**
 * Does the phases of one run, with its worker processes, and removes its clients and topics again, however it went.
 * Rejects as the phases do, or with the signal's reason.
 */
export async function conduct<Facts>(
  options: RunOptions,
  phases: (scene: Scene) => Promise<Facts>,
): Promise<Conducted<Facts>> {
  const { plan, target, workers, display } = options;
  options.signal.throwIfAborted();
  const run = newRun();
  const control = new ControlApi(target.controlUrl, target.key, PUBLISHES_AT_ONCE);
  // Before anything is made: is it there, and does it take the key?
  await awaitEdges(control, target.edges ?? 1, options.signal);
  const assignments = assignmentsFor(plan, run, target, workers);
  await using pool = new WorkerPool<WorkerCalls, Progress>(workers, WORKER);
  let facts: Facts;
  let leftBehind: LeftBehind = { clients: 0, topics: 0 };
  try {
    const signal = AbortSignal.any([options.signal, pool.loss]);
    await pool.each('assign', (worker) => assignments[worker] as Assignment);
    facts = await phases({ ...options, signal, run, control, pool, topics: topicNames(run, plan.topics) });
  } catch (error) {
    // What was under way reports only that it was aborted.
    throw pool.death ?? error;
  } finally {
    leftBehind = await removeAll(options, run, control, pool, assignments);
    display.end();
    const { clients, topics } = leftBehind;
    if (clients + topics > 0)
      display.log(`${clients} clients and ${topics} topics load.${run.id}.* could not be removed again.`);
    control.close();
  }
  return { run: run.id, facts, leftBehind };
}

/** Waits until so many edges have reported. Rejects at once when the control API does not answer. */
async function awaitEdges(control: ControlApi, count: number, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + EDGES_REPORT_MS;
  while ((await control.edges()).length < count) {
    if (performance.now() > giveUpAt) throw new Unreachable(`fewer than ${count} edges are alive`);
    await delay(SHOW_MS, undefined, { signal });
  }
}

/** Does something that all clients take part in, and shows how many have. Gives how long it took, in milliseconds. */
export async function timed(
  { plan, display, pool }: Scene,
  name: string,
  field: keyof Progress,
  work: () => Promise<unknown>,
): Promise<number> {
  display.begin(name, plan.clients);
  const startedAt = performance.now();
  await shown(display, pool, field, work);
  const ms = performance.now() - startedAt;
  display.end();
  return ms;
}

/** Removes clients and topics, also after an interruption. Gives what could not be removed. */
async function removeAll(
  { plan, display }: RunOptions,
  run: Run,
  control: ControlApi,
  pool: Pool,
  assignments: readonly Assignment[],
): Promise<LeftBehind> {
  display.begin('unregistering', plan.clients);
  let outcomes: PromiseSettledResult<void>[] = [];
  await shown(display, pool, 'unregistered', async () => {
    outcomes = await pool.allSettled('cleanUp', null);
  });
  const failed = assignments.filter((_, worker) => outcomes[worker]?.status === 'rejected');
  // A worker that died leaves its clients to us.
  const orphans = failed.flatMap(({ firstClient, clients }) =>
    Array.from({ length: clients }, (_, index) => firstClient + index),
  );
  const topics = topicNames(run, plan.topics);
  return {
    clients: await removeEach(orphans, (client) => control.unregister(clientIdOf(run, client))),
    topics: await removeEach(topics, (topic) => control.deleteTopic(topic)),
  };
}

/** Gives how many could not be removed. After the first of them nothing more is tried: the installation is gone. */
async function removeEach<T>(all: readonly T[], remove: (one: T) => Promise<void>): Promise<number> {
  let removed = 0;
  const removeOne = async (one: T) => {
    await remove(one);
    removed += 1;
  };
  await forEachBounded(all, CALLS_AT_ONCE, removeOne).catch(() => undefined);
  return all.length - removed;
}

/** Shows how far the workers are while something is under way. */
export async function shown(
  display: ProgressDisplay,
  pool: Pool,
  field: keyof Progress,
  work: () => Promise<unknown>,
): Promise<void> {
  const timer = setInterval(() => display.update(progressOf(pool)[field]), SHOW_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
    display.update(progressOf(pool)[field]);
  }
}

/** What all workers have done together. */
export function progressOf(pool: Pool): Progress {
  const sum = { ...noProgress };
  for (const progress of pool.progress()) {
    sum.registered += progress.registered;
    sum.connected += progress.connected;
    sum.deliveries += progress.deliveries;
    sum.unregistered += progress.unregistered;
    sum.changes += progress.changes;
  }
  return sum;
}
