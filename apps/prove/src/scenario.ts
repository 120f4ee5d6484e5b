import type { Position } from '@holdfast/protocol/position-order';
import { type Publication, type TopicTruth, type TruthFault, settle } from './checker/truth.ts';
import { Control } from './control.ts';
import type { Fault, Injection } from './fault.ts';
import { type Installation, ordinaryNeeds, startInstallation } from './installation/installation.ts';
import { Crew } from './members/crew.ts';
import { add, noFindings } from './members/findings.ts';
import type { Findings, MemberPlan } from './members/worker-protocol.ts';
import { monotonicMs } from './monotonic.ts';
import { tokenOf } from './payload.ts';
import { Publisher } from './publisher.ts';
import { drawSome, seededRandom } from './random.ts';
import type { Row } from './row.ts';
import { verdictOf } from './row.ts';
import type { Scale } from './scale.ts';
import { type Scene, sceneOf } from './scene.ts';

/** Each member has so many topics, drawn. */
const TOPICS_EACH = [2, 3, 4];
/** One member in so many never resumes. */
const NEVER_RESUMES = 20;
/** How long members may take for what was published; past it, it is missing. */
const REACHED_MS = 45_000;
/** Load before the fault, beyond the first message, and after the recovery. */
const BEFORE_MS = 1000;
const AFTER_MS = 1000;
const PAGE = 1000;
const FILLING = 40;

export interface ScenarioOptions {
  fault: Fault;
  scale: Scale;
  seed: number;
  /** The redis-server to run. */
  binary: string;
  say: (line: string) => void;
  signal: AbortSignal;
}

/**
 * One fault: starts an installation, has clients and publishers use it, breaks it, mends it, and compares what everybody
 * received with what was published. Rejects when it could not be carried through, or with the signal's reason.
 */
export async function runScenario(options: ScenarioOptions): Promise<Row> {
  const startedAt = performance.now();
  const { fault, binary, signal } = options;
  const scale = fault.scale?.(options.scale) ?? options.scale;
  await using installation = await startInstallation(binary, { ...ordinaryNeeds, ...fault.needs });
  signal.throwIfAborted();
  await fault.prepare?.(installation);
  signal.throwIfAborted();
  await using crew = new Crew(scale.workers);
  const work = carryThrough({ ...options, scale }, installation, crew);
  const facts = await abortable(work, signal);
  return verdictOf(fault, facts, performance.now() - startedAt);
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
}

async function carryThrough(
  { fault, scale, seed, say }: ScenarioOptions,
  installation: Installation,
  crew: Crew,
): Promise<Facts> {
  const random = seededRandom(seed);
  const firstTopics = Array.from({ length: scale.topics }, (_, index) => `prove.topic-${index + 1}`);
  const laterTopics = Array.from({ length: scale.laterTopics }, (_, index) => `prove.later-${index + 1}`);
  const topics = [...firstTopics, ...laterTopics];
  const control = new Control(installation.controlUrls, installation.key);
  const publisher = new Publisher({ control, topics, rate: scale.rate, random, filling: FILLING });
  const parts = { installation, control, crew, publisher, topics, laterTopics, members: scale.members, random, say };
  const scene = sceneOf(parts);

  await scene.createTopics();
  await begin(scene, firstTopics, scale, seed);
  publisher.start();
  await everybodyHas(scene, await publisher.fence());
  const from = monotonicMs();
  await scene.pass(BEFORE_MS);
  say('everybody receives; breaking it');

  const injection = await fault.inject(scene);
  say(injection.proof);
  await everybodyHas(scene, await publisher.fence());
  await scene.pass(AFTER_MS);
  await publisher.stop();
  const missing = await everybodyHas(scene, await publisher.fence());
  const to = monotonicMs();

  const { truths, truthFaults } = await readTruth(scene, injection);
  const rules = { logsMayForget: fault.logsMayForget ?? false };
  const findings = noFindings();
  const latencyWithin = injection.latency ?? [];
  const order = { truths, rules, from, to, recoverFrom: injection.healedAt, latencyWithin };
  for (const part of await crew.all('check', order)) add(findings, part);
  const outcomes = publisher.publications.map(({ outcome }) => outcome.kind);
  return {
    injection,
    published: truths.reduce((sum, { messages }) => sum + messages.length, 0),
    refused: outcomes.filter((kind) => kind === 'refused').length,
    unanswered: outcomes.filter((kind) => kind === 'unknown').length,
    truthFaults,
    findings,
    missing,
  };
}

async function begin(
  { crew, random, installation }: Scene,
  topics: readonly string[],
  scale: Scale,
  seed: number,
): Promise<void> {
  const plans = Array.from({ length: scale.members }, (_, member): MemberPlan => {
    const count = TOPICS_EACH[member % TOPICS_EACH.length] ?? 1;
    const expectation = member % NEVER_RESUMES === NEVER_RESUMES - 1 ? 'each-session' : 'everything';
    return { member, topics: drawSome(topics, count, random), expectation };
  });
  await crew.each('begin', (worker) => ({
    members: plans.filter(({ member }) => member % crew.size === worker),
    controlUrls: installation.controlUrls,
    edgeUrls: installation.edgeUrls,
    key: installation.key,
    seed: seed + worker,
  }));
}

/** Waits until all members have all up to these positions; gives those who had not in time. */
async function everybodyHas({ crew }: Scene, positions: Record<string, Position>): Promise<string[]> {
  const answers = await crew.all('reached', { positions, timeoutMs: REACHED_MS });
  return answers.flatMap(({ missing, samples }) =>
    missing === 0 ? [] : [...samples, ...(missing > samples.length ? [`and ${missing - samples.length} more`] : [])],
  );
}

/** Joins what publishers were told with what the logs have. */
async function readTruth(
  { topics, control, publisher }: Scene,
  injection: Injection,
): Promise<{ truths: TopicTruth[]; truthFaults: TruthFault[] }> {
  const all = publisher.publications.map((publication) => asRefused(publication, injection));
  const truths: TopicTruth[] = [];
  const truthFaults: TruthFault[] = [];
  for (const topic of topics) {
    const log = await readLog(control, topic);
    const publications = all.filter((publication) => publication.topic === topic);
    const settled = settle(topic, publications, log);
    truths.push(settled.truth);
    truthFaults.push(...settled.faults);
  }
  return { truths, truthFaults };
}

/** While Redis takes no writes, a 503 says for certain that nothing was published. */
function asRefused(publication: Publication, { refusing }: Injection): Publication {
  const { askedAt, answeredAt, outcome } = publication;
  if (refusing === undefined || askedAt < refusing.from || answeredAt > refusing.to) return publication;
  if (outcome.kind !== 'unknown' || outcome.status === undefined) return publication;
  return { ...publication, outcome: { kind: 'refused', status: outcome.status } };
}

async function readLog(control: Control, topic: string): Promise<{ id: Position; token: string }[]> {
  const log: { id: Position; token: string }[] = [];
  for (;;) {
    const after = log.at(-1)?.id;
    const { messages } = await control.retrying((rest, signal) => rest.history(topic, { after, limit: PAGE, signal }));
    for (const { id, data } of messages) log.push({ id, token: tokenOf(data) });
    if (messages.length < PAGE) return log;
  }
}

/** The work's result, or the signal's reason as soon as it aborts; what the work does then is nobody's concern. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // It fails when the installation goes away under it.
    work.catch(() => undefined);
  }
}
