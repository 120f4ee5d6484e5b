import { setTimeout as delay } from 'node:timers/promises';
import { assignmentsFor } from './worker-protocol.ts';
import { forEachBounded } from '@holdfast/harness/bounded';
import { ControlApi } from '@holdfast/harness/control-api';
import { Unreachable } from '@holdfast/harness/http-pool';
import { drained } from './drained.ts';
import { type Run, clientIdOf, newRun, topicNames } from './identity.ts';
import { Publications } from './publications.ts';
import { residentBytes, settledResidentBytes } from './measurements.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { WorkerPool } from '@holdfast/harness/worker-pool';
import type { Plan } from './plan.ts';
import type { ProgressDisplay } from '@holdfast/harness/progress';
import { PUBLISHES_AT_ONCE, publishAtRate } from './publisher.ts';
import { mixSeeds, seededRandom } from '@holdfast/harness/random';
import { messagesTaken, redisDataBytes } from './measurements.ts';
import { type Facts, type Report, reportOf } from './report.ts';
import { retrying } from '@holdfast/harness/retry';
import { Spread } from './spread.ts';
import type { Target } from './target.ts';
import { type Assignment, type Progress, type WorkerCalls, noProgress } from './worker-protocol.ts';

/** Creating and removing topics. */
const CALLS_AT_ONCE = 32;
const SHOW_MS = 200;
/** An edge reports as soon as it listens. */
const EDGES_REPORT_MS = 10_000;
/**
 * Topics keep everything for the whole run, so that a resume, and the settling of unanswered publishes, find all of it.
 */
const HISTORY_SECONDS = 24 * 3600;
/** The most of a topic's history; a run that publishes more on one topic than this can settle only its end. */
const MAX_HISTORY_SIZE = 1_000_000;
/** The topics of messages are drawn from a stream of the seed of their own; the spread uses those of small numbers. */
const MESSAGES_STREAM = 2 ** 30;

/** Sockets are what a worker allocates; a small young generation keeps 1 kB of resident memory a connection away. */
const WORKER = { module: new URL('worker-main.ts', import.meta.url), execArgv: ['--max-semi-space-size=8'] };

type Pool = WorkerPool<WorkerCalls, Progress>;

export interface RunOptions {
  plan: Plan;
  target: Target;
  workers: number;
  display: ProgressDisplay;
  /** Ends the run early; what it made is removed nevertheless. */
  signal: AbortSignal;
}

/**
 * One run: creates topics, registers and connects clients, publishes, waits, verifies; and removes all of it again,
 * however it went. Rejects when a phase could not be done, or with the signal's reason.
 */
export async function runLoad(options: RunOptions): Promise<Report> {
  const { plan, target, workers, display } = options;
  options.signal.throwIfAborted();
  const run = newRun();
  const control = new ControlApi(target.controlUrl, target.key, PUBLISHES_AT_ONCE);
  // Before anything is made: is it there, and does it take the key?
  await awaitEdges(control, target.edges ?? 1, options.signal);
  const assignments = assignmentsFor(plan, run, target, workers);
  await using pool = new WorkerPool<WorkerCalls, Progress>(workers, WORKER);
  let facts: Facts | undefined;
  let leftBehind: Report['leftBehind'] = { clients: 0, topics: 0 };
  try {
    const signal = AbortSignal.any([options.signal, pool.loss]);
    await pool.each('assign', (worker) => assignments[worker] as Assignment);
    facts = await new Phases({ ...options, signal }, run, control, pool).all();
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
  return reportOf(plan, run.id, workers, facts, leftBehind);
}

/** Waits until so many edges have reported. Rejects at once when the control API does not answer. */
async function awaitEdges(control: ControlApi, count: number, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + EDGES_REPORT_MS;
  while ((await control.edges()).length < count) {
    if (performance.now() > giveUpAt) throw new Unreachable(`fewer than ${count} edges are alive`);
    await delay(SHOW_MS, undefined, { signal });
  }
}

class Phases {
  readonly #options: RunOptions;
  readonly #run: Run;
  readonly #control: ControlApi;
  readonly #pool: Pool;
  readonly #topics: readonly string[];

  constructor(options: RunOptions, run: Run, control: ControlApi, pool: Pool) {
    this.#options = options;
    this.#run = run;
    this.#control = control;
    this.#pool = pool;
    this.#topics = topicNames(run, options.plan.topics);
  }

  async all(): Promise<Facts> {
    const { plan, target, signal } = this.#options;
    await this.#createTopics();
    const redisBefore = await redisDataBytes(target.redisUrls);
    const registeringMs = await this.#timed('registering', 'registered', () =>
      this.#pool.all('register', null, signal),
    );
    const redisRegistered = await redisDataBytes(target.redisUrls);
    const edgesBefore = await residentBytes(target.edgePids);
    const connectingMs = await this.#timed('connecting', 'connected', () => this.#pool.all('connect', null, signal));
    const { connected } = progressOf(this.#pool);
    const edgesAfter = await settledResidentBytes(target.edgePids, signal);
    const redisConnected = await redisDataBytes(target.redisUrls);
    const takenBefore = await messagesTaken(target.redisUrls);
    const published = await this.#publishAndVerify();
    const taken = await messagesTaken(target.redisUrls);
    return {
      registeringMs,
      connectingMs,
      connected,
      edgeBytesPerConnection: share(edgesBefore, edgesAfter, connected),
      redisBytesPerClient: share(redisBefore, redisRegistered, plan.clients),
      redisBytesPerConnectedClient: share(redisBefore, redisConnected, plan.clients),
      publishedByServer: taken.map((count, index) => count - (takenBefore[index] ?? 0)),
      ...published,
    };
  }

  async #createTopics(): Promise<void> {
    const { plan, signal, display } = this.#options;
    const size = Math.min(MAX_HISTORY_SIZE, Math.ceil(plan.rate * plan.seconds) + 1);
    display.begin('creating topics', plan.topics);
    let created = 0;
    const create = async (topic: string) => {
      await retrying(() => this.#control.createTopic(topic, { size, seconds: HISTORY_SECONDS }), signal);
      created += 1;
      display.update(created);
    };
    await forEachBounded(this.#topics, CALLS_AT_ONCE, create, signal);
  }

  async #publishAndVerify(): Promise<
    Pick<Facts, 'publishingMs' | 'publishingAt' | 'expected' | 'publications' | 'findings'>
  > {
    const { plan, signal, display } = this.#options;
    const publications = new Publications(plan.topics);
    const subscribers = new Spread(plan.topics, plan.topicsPerClient, plan.seed).subscribers(plan.clients);
    display.begin('publishing', Math.round(plan.rate * plan.seconds));
    const publishingAt = monotonicMs();
    const publishingMs = await publishAtRate({
      control: this.#control,
      publications,
      topicNames: this.#topics,
      run: this.#run.id,
      rate: plan.rate,
      seconds: plan.seconds,
      size: plan.size,
      random: seededRandom(mixSeeds(plan.seed, MESSAGES_STREAM)),
      signal,
      onAnswer: (answers) => display.update(answers),
    });
    await publications.settle(this.#control, this.#topics, this.#run.id);
    const expected = publications.deliveries(subscribers);
    display.begin('delivered', expected);
    await shown(display, this.#pool, 'deliveries', () =>
      drained(expected, plan.clients, () => progressOf(this.#pool), signal),
    );
    display.end();
    const findings = await this.#pool.all('verify', publications.published());
    return { publishingMs, publishingAt, expected, publications, findings };
  }

  /** Does something that all clients take part in, and shows how many have. Gives how long it took, in milliseconds. */
  async #timed(name: string, field: keyof Progress, work: () => Promise<unknown>): Promise<number> {
    const { plan, display } = this.#options;
    display.begin(name, plan.clients);
    const startedAt = performance.now();
    await shown(display, this.#pool, field, work);
    const ms = performance.now() - startedAt;
    display.end();
    return ms;
  }
}

/** Removes clients and topics, also after an interruption. Gives what could not be removed. */
async function removeAll(
  { plan, display }: RunOptions,
  run: Run,
  control: ControlApi,
  pool: Pool,
  assignments: readonly Assignment[],
): Promise<Report['leftBehind']> {
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
async function shown(
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
function progressOf(pool: Pool): Progress {
  const sum = { ...noProgress };
  for (const progress of pool.progress()) {
    sum.registered += progress.registered;
    sum.connected += progress.connected;
    sum.deliveries += progress.deliveries;
    sum.unregistered += progress.unregistered;
  }
  return sum;
}

/** What each of `count` has added, in bytes; null when it is not known. */
function share(before: number | null, after: number | null, count: number): number | null {
  return before === null || after === null || count === 0 ? null : Math.round((after - before) / count);
}
