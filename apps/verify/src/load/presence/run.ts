import { monotonicMs } from '@holdfast/harness/clock';
import { retrying } from '@holdfast/harness/retry';
import { MAX_PRESENCE_LIMIT } from '@holdfast/protocol/limits';
import { type RunOptions, type Scene, conduct, progressOf, shown, timed } from '../conduct.ts';
import { redisDataBytes, share } from '../measurements.ts';
import type { PresencePlan } from '../plan.ts';
import { cpuOf, cpuShares } from './cpu.ts';
import type { Present } from './findings.ts';
import { presenceBytes } from './redis-bytes.ts';
import { type PresenceFacts, type PresenceReport, presenceReportOf } from './report.ts';

/** Nothing is published. */
const HISTORY = { size: 1, seconds: 3600 };
const MS = 1000;

/**
 * One run that verifies presence: connects the members of one topic, has some of them leave and join, and compares what
 * the watchers among them see with who is connected. Removes all of it again, however it went. Rejects when a phase could
 * not be done, or with the signal's reason.
 */
export async function runPresence(options: RunOptions, presence: PresencePlan): Promise<PresenceReport> {
  const { run, facts, leftBehind } = await conduct(options, (scene) => phases(scene, presence));
  return presenceReportOf({ ...options, presence, run, facts, leftBehind });
}

async function phases(scene: Scene, { churn }: PresencePlan): Promise<PresenceFacts> {
  const { plan, target, signal, display, control, pool, topics } = scene;
  const topic = topics[0] ?? '';
  await retrying(() => control.createTopic(topic, HISTORY, { by: 'client', limit: MAX_PRESENCE_LIMIT }), signal);
  // Before clients are made for nothing: may the key see it?
  await retrying(() => control.presentOn(topic), signal);

  const redisBefore = await redisDataBytes(target.redisUrls);
  const registeringMs = await timed(scene, 'registering', 'registered', () => pool.all('register', null, signal));
  const redisRegistered = await redisDataBytes(target.redisUrls);
  const connectingMs = await timed(scene, 'connecting', 'connected', () => pool.all('connect', null, signal));
  const { connected } = progressOf(pool);
  const atFirst = await watched(scene, 'members seen');
  const redisConnected = await redisDataBytes(target.redisUrls);
  const edges = (await retrying(() => control.edges(), signal)).map(({ id }) => id);
  const redisBytes = await presenceBytes(target, topic, edges);

  display.begin('joins and leaves', Math.round(churn * plan.seconds));
  const [cpuBefore, startedAt] = [await cpuOf(target), monotonicMs()];
  await shown(display, pool, 'changes', () => pool.all('churn', null, signal));
  const [cpuAfter, churnMs] = [await cpuOf(target), monotonicMs() - startedAt];
  const atLast = await watched(scene, 'last change seen');
  const countByRest = await retrying(() => control.presentOn(topic), signal);
  return {
    registeringMs,
    connectingMs,
    connected,
    redisBytesPerClient: share(redisBefore, redisRegistered, plan.clients),
    redisBytesPerConnectedClient: share(redisBefore, redisConnected, plan.clients),
    redisBytesPerMember: share(0, redisBytes, atFirst.members),
    atFirst,
    churnMs,
    churnAt: startedAt,
    cpu: cpuShares(cpuBefore, cpuAfter, churnMs / MS),
    atLast,
    countByRest,
  };
}

/** Asks all workers who is connected, and has their watchers compared with that. */
async function watched({ display, pool, signal }: Scene, phase: string): Promise<PresenceFacts['atFirst']> {
  const all: Present[] = await pool.all('present', null, signal);
  const clients = all.flatMap((one) => one.clients);
  display.begin(phase, 1);
  const findings = await pool.all('watched', clients, signal);
  display.update(1);
  display.end();
  const sum = (of: (one: Present) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    members: clients.length,
    joins: sum(({ joins }) => joins),
    leaves: sum(({ leaves }) => leaves),
    lastChangeAt: Math.max(...all.map(({ lastChangeAt }) => lastChangeAt)),
    findings,
  };
}
