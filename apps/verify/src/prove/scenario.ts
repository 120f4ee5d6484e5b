import type { RedisKind } from '@holdfast/local/redis-kind';
import type { Position } from '@holdfast/protocol/position-order';
import { abortable } from './abortable.ts';
import type { TruthFault } from './checker/truth.ts';
import { Control } from './control.ts';
import type { Fault, Injection } from './fault.ts';
import { NotSetUp } from './not-run.ts';
import { type Installation, startInstallation } from './installation/installation.ts';
import { ordinaryNeeds } from './installation/needs.ts';
import { add, noFindings } from './members/findings.ts';
import type { Findings, MemberPlan, Pool } from './members/worker-protocol.ts';
import { WorkerPool } from '@holdfast/harness/worker-pool';
import { monotonicMs } from '@holdfast/harness/clock';
import { Publisher, publishingBy } from './publisher.ts';
import { drawSome, seededRandom } from '@holdfast/harness/random';
import { readTruth } from './read-truth.ts';
import type { Scale } from './fault.ts';
import { PRESENCE_TOPIC } from './presence/log.ts';
import { type PresenceFacts, type Watchers, readPresence, wrongInRest } from './presence/read-presence.ts';
import { type Scene, sceneOf } from './scene.ts';

/** Each member has so many topics, drawn. */
const TOPICS_EACH = [2, 3, 4];
/** One member in so many never resumes. */
const NEVER_RESUMES = 20;
/** One in so many has the quiet topic. */
const HAS_QUIET = 5;
/** One in so many is on the topic with presence, and watches it; at most so many. */
const HAS_PRESENCE = 10;
const MAX_WATCHERS = 200;
/** How long members may take for what was published; past it, it is missing. */
const REACHED_MS = 45_000;
/** Load before the fault, beyond the first message, and after the recovery. */
export const BEFORE_MS = 1000;
export const AFTER_MS = 1000;
export const FILLING = 40;
/** Members stand for the machines of other people: what is tested has the cores of this one first. */
const WORKER = { module: new URL('members/worker-main.ts', import.meta.url), lowPriority: true };

export interface ScenarioOptions<F extends Fault = Fault> {
  fault: F;
  scale: Scale;
  redis: RedisKind;
  seed: number;
  /** The redis-server to run. */
  binary: string;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** What a run came to. */
export interface Facts {
  injection: Injection;
  published: number;
  refused: number;
  unanswered: number;
  truthFaults: TruthFault[];
  findings: Findings;
  /** Members that did not have everything in the end. */
  missing: string[];
  presence: PresenceFacts;
}

export async function setUp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new NotSetUp(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * One fault: starts an installation, has clients and publishers use it, breaks it, mends it, and compares what everybody
 * received with what was published. Rejects when it could not be carried through, or with the signal's reason.
 */
export async function runScenario({ fault, scale, redis, seed, binary, log, signal }: ScenarioOptions): Promise<Facts> {
  log('starting an installation');
  await using installation = await setUp(() => startInstallation(binary, { ...ordinaryNeeds, redis, ...fault.needs }));
  signal.throwIfAborted();
  await setUp(async () => fault.prepare?.(installation));
  signal.throwIfAborted();
  await using pool: Pool = new WorkerPool(scale.workers, WORKER);
  const random = seededRandom(seed);
  const firstTopics = Array.from({ length: scale.topics }, (_, index) => `prove.topic-${index + 1}`);
  const laterTopics = Array.from({ length: scale.laterTopics }, (_, index) => `prove.later-${index + 1}`);
  const quietTopic = 'prove.quiet';
  const spoken = [...firstTopics, ...laterTopics];
  const topics = [...spoken, quietTopic];
  const control = new Control(installation.controlUrls, installation.key);
  const { members, rate } = scale;
  using publisher = new Publisher({
    send: publishingBy(control),
    topics: spoken,
    quietTopics: [quietTopic],
    rate,
    random,
    filling: FILLING,
  });
  const parts = { installation, control, pool, publisher, topics, laterTopics, quietTopic, members, random, log };
  const plans = plansFor(members, firstTopics, quietTopic, random);
  const scene = sceneOf(parts);
  return await abortable(carryThrough(scene, plans, fault, seed), signal);
}

async function carryThrough(scene: Scene, plans: readonly MemberPlan[], fault: Fault, seed: number): Promise<Facts> {
  const { pool, publisher, installation, log } = scene;
  await setUp(async () => {
    await scene.createTopics();
    log(`${plans.length} clients register and connect`);
    await begin(pool, plans, installation, seed);
    publisher.start();
    await everybodyHas(scene, await publisher.fence());
  });
  const from = monotonicMs();
  await scene.pass(BEFORE_MS);
  log('everybody receives; breaking it');

  const injection = await fault.inject(scene);
  log(injection.proof);
  await everybodyHas(scene, await publisher.fence());
  await scene.pass(AFTER_MS);
  await publisher.stop();
  const missing = await everybodyHas(scene, await publisher.fence());
  const to = monotonicMs();

  const presence = await readPresence(watchersOf(scene), injection, fault.presenceStays ?? false);
  const { truths, truthFaults } = await readTruth(scene, injection);
  const rules = { logsMayForget: fault.logsMayForget ?? false };
  const { latency } = injection;
  const latencyWithin = latency === undefined ? [] : [latency.usual, latency.meanwhile];
  const order = { truths, rules, from, to, recoverFrom: injection.healedAt, latencyWithin };
  const findings = noFindings();
  for (const part of await pool.all('check', order)) add(findings, part);
  const outcomes = publisher.publications.map(({ outcome }) => outcome.kind);
  return {
    injection,
    published: truths.reduce((sum, { messages }) => sum + messages.length, 0),
    refused: outcomes.filter((kind) => kind === 'refused').length,
    unanswered: outcomes.filter((kind) => kind === 'unknown').length,
    truthFaults,
    findings,
    missing,
    presence,
  };
}

function watchersOf({ pool, control }: Scene): Watchers {
  return {
    truth: async () => (await pool.all('presenceTruth', null)).flatMap(({ members }) => members),
    wrong: async (truth) => {
      const shown = (await pool.all('presenceWrong', { truth })).flatMap(({ wrong }) => wrong);
      return [...shown, ...(await wrongInRest(control, truth))];
    },
    judge: (truth, run) => pool.all('presenceJudge', { truth, run }),
  };
}

function plansFor(members: number, topics: readonly string[], quietTopic: string, random: () => number): MemberPlan[] {
  return Array.from({ length: members }, (_, member) => {
    const drawn = drawSome(topics, TOPICS_EACH[member % TOPICS_EACH.length] ?? 1, random);
    if (member % HAS_QUIET === 0) drawn.push(quietTopic);
    if (watches(member)) drawn.push(PRESENCE_TOPIC);
    return {
      member,
      topics: drawn,
      expectation: member % NEVER_RESUMES === NEVER_RESUMES - 1 ? 'each-session' : 'everything',
    };
  });
}

/** One in ten, of every kind and in every worker. */
function watches(member: number): boolean {
  const ten = Math.floor(member / HAS_PRESENCE);
  return ten < MAX_WATCHERS && member % HAS_PRESENCE === ten % HAS_PRESENCE;
}

async function begin(
  pool: Pool,
  plans: readonly MemberPlan[],
  { controlUrls, edgeUrls, key }: Installation,
  seed: number,
): Promise<void> {
  await pool.each('begin', (worker) => ({
    members: plans.filter(({ member }) => member % pool.size === worker),
    controlUrls,
    edgeUrls,
    key,
    seed: seed + worker,
  }));
}

/** Waits until all members have all up to these positions; gives those that had not in time. */
async function everybodyHas({ pool }: Scene, positions: Record<string, Position>): Promise<string[]> {
  const answers = await pool.all('reached', { positions, timeoutMs: REACHED_MS });
  return answers.flatMap(({ missing, samples }) =>
    missing === 0 ? [] : [...samples, ...(missing > samples.length ? [`and ${missing - samples.length} more`] : [])],
  );
}
