import type { RedisKind } from '@holdfast/local/redis-kind';
import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from '../abortable.ts';
import { Company } from '../actors/company.ts';
import { followUp } from '../actors/follow-up.ts';
import { Control } from '../control.ts';
import { type Installation, startInstallation } from '../installation/installation.ts';
import { ordinaryNeeds } from '../installation/needs.ts';
import { findCompiler } from '../installation/shifted-clock.ts';
import { judge } from '../model/judge.ts';
import type { Violation } from '../model/model.ts';
import { seededRandom } from '@holdfast/harness/random';
import { type Counts, carryOut } from './carry-out.ts';
import { createTopics } from './inflict.ts';
import { Watchers } from './watchers.ts';
import { type Operation, cast, drawPlan, topicName } from './operations.ts';

const READY_MS = 60_000;
const BACK_MS = 60_000;
const LOOK_MS = 200;

export interface RandomRunOptions {
  seed: number;
  seconds: number;
  redis: RedisKind;
  calm: boolean;
  /** The redis-server to run. */
  binary: string;
  log: (line: string) => void;
  signal: AbortSignal;
}

export interface RandomFacts {
  counts: Counts;
  violations: Violation[];
  company: Company;
}

/**
 * Calls of every kind and faults, drawn from a seed, on an installation of its own; then everything is mended, and each
 * connection has to follow each kind of change. Rejects when it could not be carried through, or with the signal's reason.
 */
export async function randomRun(options: RandomRunOptions): Promise<RandomFacts> {
  const { redis, binary, signal, calm } = options;
  const clock = redis === 'single' && !calm && (await findCompiler()) !== null;
  if (redis === 'single' && !calm && !clock) options.log('no C compiler: the clock of Redis stays as it is');
  await using installation = await startInstallation(binary, {
    ...ordinaryNeeds,
    redis,
    edges: cast.edges,
    controls: cast.controls,
    aof: redis === 'single',
    jumpingClocks: true,
    redisClock: clock,
    proxies: { edgesToRedis: true, controlsToRedis: true },
  });
  signal.throwIfAborted();
  const plan = drawPlan({ ...options, clock });
  return await abortable(carryThrough(installation, plan, options), signal);
}

async function carryThrough(
  installation: Installation,
  plan: readonly Operation[],
  { seed, log, signal }: RandomRunOptions,
): Promise<RandomFacts> {
  const control = new Control(installation.controlUrls, installation.key);
  const company = new Company({ control, edgeUrls: installation.edgeUrls, random: seededRandom(seed + 1) });
  const topics = [...cast.sizes.keys()].map(topicName);
  await createTopics(company);
  const keeping = new AbortController();
  const isOver = AbortSignal.any([keeping.signal, signal]);
  await company.hire(cast.lively + cast.quiet, topics, [...installation.edges.keys()]);
  const watchers = new Watchers(control, installation.edgeUrls);
  await watchers.begin();
  for (const actor of company.actors) actor.keep(topics, isOver);
  log(`${company.actors.length} clients are connected; ${plan.length} operations follow`);

  const counts: Counts = new Map();
  const lanes = Map.groupBy(plan, ({ lane }) => lane);
  const startedAt = performance.now();
  await Promise.all(
    Array.from(lanes.values(), async (operations) => {
      for (const operation of operations) {
        await delay(Math.max(0, startedAt + operation.at - performance.now()));
        signal.throwIfAborted();
        await carryOut(installation, company, operation, counts, log);
      }
    }),
  );

  log('mending everything');
  await untilReady(installation);
  await createTopics(company);
  await untilBack(company);
  await watchers.untilBack();
  keeping.abort();
  log('everybody is back; everybody changes something');
  await followUp(company, topics);
  const presence = await watchers.violations(company);
  watchers.close();
  return { counts, violations: [...judge(company.history.events), ...presence], company };
}

/** Waits until every service says that it is ready. */
async function untilReady({ controls, edges }: Installation): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (const service of [...controls, ...edges]) {
    while (!(await service.isReady())) {
      if (performance.now() > deadline) {
        throw new Error(`${service.name} is not ready a minute after everything was mended`);
      }
      await delay(LOOK_MS);
    }
  }
}

/** Waits until everybody that is registered has a connection. */
async function untilBack({ actors }: Company): Promise<void> {
  const deadline = performance.now() + BACK_MS;
  const absent = () => actors.filter(({ isRegistered, line }) => isRegistered && line === undefined);
  while (absent().length > 0) {
    if (performance.now() > deadline) throw new Error(`${absent().length} clients did not come back within a minute`);
    await delay(LOOK_MS);
  }
}
