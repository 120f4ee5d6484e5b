import { setTimeout as delay } from 'node:timers/promises';
import { assignmentsFor } from './assignments.ts';
import { forEachBounded } from './bounded.ts';
import { Control } from './control.ts';
import { Unreachable } from './control-answer.ts';
import { Crew } from './crew.ts';
import { drained } from './drained.ts';
import type { Facts } from './facts.ts';
import { type Run, clientIdOf, newRun, topicNames } from './identity.ts';
import { Ledger } from './ledger.ts';
import { residentBytes, settledResidentBytes } from './memory.ts';
import { monotonicMs } from './payload.ts';
import type { Plan } from './plan.ts';
import type { ProgressDisplay } from './progress.ts';
import { PUBLISHES_AT_ONCE, publishAtRate } from './publisher.ts';
import { mixSeeds, seededRandom } from './random.ts';
import { messagesTaken, redisDataBytes } from './redis-figures.ts';
import { removeTopic, unregister } from './registration.ts';
import { reportOf } from './report-of.ts';
import type { Report } from './report.ts';
import { retrying } from './retrying.ts';
import { Spread } from './spread.ts';
import type { Target } from './target.ts';
import type { Assignment, Progress } from './worker-protocol.ts';

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
  const control = new Control(target.controlUrl, target.key, PUBLISHES_AT_ONCE);
  // Before anything is made: is it there, and does it take the key?
  await awaitEdges(control, target.edges ?? 1, options.signal);
  const crew = await Crew.start(assignmentsFor(plan, run, target, workers));
  let facts: Facts | undefined;
  let leftBehind: Report['leftBehind'] = { clients: 0, topics: 0 };
  try {
    const signal = AbortSignal.any([options.signal, crew.loss]);
    facts = await new Phases({ ...options, signal }, run, control, crew).all();
  } catch (error) {
    // What was under way says only that it was aborted.
    throw crew.death ?? error;
  } finally {
    leftBehind = await removeAll(options, run, control, crew);
    display.end();
    const { clients, topics } = leftBehind;
    if (clients + topics > 0)
      display.say(`${clients} clients and ${topics} topics load.${run.id}.* could not be removed again.`);
    await crew.end();
    control.close();
  }
  return reportOf(plan, run.id, workers, facts, leftBehind);
}

/** Waits until so many edges have reported. Rejects at once when the control API does not answer. */
async function awaitEdges(control: Control, count: number, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + EDGES_REPORT_MS;
  while ((await control.edges()).length < count) {
    if (performance.now() > giveUpAt) throw new Unreachable(`fewer than ${count} edges are alive`);
    await delay(SHOW_MS, undefined, { signal });
  }
}

class Phases {
  readonly #options: RunOptions;
  readonly #run: Run;
  readonly #control: Control;
  readonly #crew: Crew;
  readonly #topics: readonly string[];

  constructor(options: RunOptions, run: Run, control: Control, crew: Crew) {
    this.#options = options;
    this.#run = run;
    this.#control = control;
    this.#crew = crew;
    this.#topics = topicNames(run, options.plan.topics);
  }

  async all(): Promise<Facts> {
    const { plan, target, signal } = this.#options;
    await this.#createTopics();
    const redisBefore = await redisDataBytes(target.redisUrls);
    const registeringMs = await this.#timed('registering', 'registered', () =>
      this.#crew.carryOut({ kind: 'register' }, signal),
    );
    const redisRegistered = await redisDataBytes(target.redisUrls);
    const edgesBefore = await residentBytes(target.edgePids);
    const connectingMs = await this.#timed('connecting', 'connected', () =>
      this.#crew.carryOut({ kind: 'connect' }, signal),
    );
    const { connected } = this.#crew.progress();
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
    await forEachBounded(plan.topics, CALLS_AT_ONCE, signal, async (index) => {
      const topic = this.#topics[index] ?? '';
      await retrying(() => this.#control.createTopic(topic, { size, seconds: HISTORY_SECONDS }), signal);
      created += 1;
      display.update(created);
    });
  }

  async #publishAndVerify(): Promise<
    Pick<Facts, 'publishingMs' | 'publishingAt' | 'expected' | 'ledger' | 'findings'>
  > {
    const { plan, signal, display } = this.#options;
    const ledger = new Ledger(plan.topics);
    const subscribers = new Spread(plan.topics, plan.topicsPerClient, plan.seed).subscribers(plan.clients);
    display.begin('publishing', Math.round(plan.rate * plan.seconds));
    const publishingAt = monotonicMs();
    const publishingMs = await publishAtRate({
      control: this.#control,
      ledger,
      topicNames: this.#topics,
      run: this.#run.id,
      rate: plan.rate,
      seconds: plan.seconds,
      size: plan.size,
      random: seededRandom(mixSeeds(plan.seed, MESSAGES_STREAM)),
      signal,
      onAnswer: (answers) => display.update(answers),
    });
    await ledger.settle(this.#control, this.#topics, this.#run.id);
    const expected = ledger.deliveries(subscribers);
    display.begin('delivered', expected);
    await shown(display, this.#crew, 'deliveries', () =>
      drained(expected, plan.clients, () => this.#crew.progress(), signal),
    );
    display.end();
    const findings = await this.#crew.verify({ kind: 'verify', published: ledger.published() });
    return { publishingMs, publishingAt, expected, ledger, findings };
  }

  /** Does something that all clients take part in, and shows how many have. Gives how long it took, in milliseconds. */
  async #timed(name: string, field: keyof Progress, work: () => Promise<void>): Promise<number> {
    const { plan, display } = this.#options;
    display.begin(name, plan.clients);
    const startedAt = performance.now();
    await shown(display, this.#crew, field, work);
    const ms = performance.now() - startedAt;
    display.end();
    return ms;
  }
}

/** Removes clients and topics, also after an interruption. Gives what could not be removed. */
async function removeAll(
  { plan, display }: RunOptions,
  run: Run,
  control: Control,
  crew: Crew,
): Promise<Report['leftBehind']> {
  display.begin('unregistering', plan.clients);
  const failed: Assignment[] = [];
  await shown(display, crew, 'unregistered', async () => {
    failed.push(...(await crew.cleanUp()));
  });
  // A worker that died leaves its clients to us.
  const orphans = failed.flatMap(({ firstClient, clients }) =>
    Array.from({ length: clients }, (_, index) => firstClient + index),
  );
  const topics = topicNames(run, plan.topics);
  return {
    clients: await removeEach(orphans, (client) => unregister(control, clientIdOf(run, client))),
    topics: await removeEach(topics, (topic) => removeTopic(control, topic)),
  };
}

/** Gives how many could not be removed. After the first of them nothing more is tried: the installation is gone. */
async function removeEach<T>(all: readonly T[], remove: (one: T) => Promise<void>): Promise<number> {
  let removed = 0;
  const removeAt = async (index: number) => {
    const one = all[index];
    if (one !== undefined) await remove(one);
    removed += 1;
  };
  await forEachBounded(all.length, CALLS_AT_ONCE, undefined, removeAt).catch(() => undefined);
  return all.length - removed;
}

/** Shows how far the workers are while something is under way. */
async function shown(
  display: ProgressDisplay,
  crew: Crew,
  field: keyof Progress,
  work: () => Promise<void>,
): Promise<void> {
  const timer = setInterval(() => display.update(crew.progress()[field]), SHOW_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
    display.update(crew.progress()[field]);
  }
}

/** What each of `count` has added, in bytes; null when it is not known. */
function share(before: number | null, after: number | null, count: number): number | null {
  return before === null || after === null || count === 0 ? null : Math.round((after - before) / count);
}
