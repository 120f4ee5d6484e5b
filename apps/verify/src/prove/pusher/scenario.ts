import { monotonicMs } from '@holdfast/harness/clock';
import { seededRandom } from '@holdfast/harness/random';
import { WorkerPool } from '@holdfast/harness/worker-pool';
import { abortable } from '../abortable.ts';
import { Control } from '../control.ts';
import type { CommonFault, Injection } from '../fault.ts';
import { startInstallation } from '../installation/installation.ts';
import { ordinaryNeeds } from '../installation/needs.ts';
import { type PresenceFacts, readPresence } from '../presence/read-presence.ts';
import { Publisher } from '../publisher.ts';
import { AFTER_MS, BEFORE_MS, FILLING, type ScenarioOptions, setUp } from '../scenario.ts';
import { type Ground, waiting } from '../scene.ts';
import { HANDSHAKES, LANES } from '../warm-up.ts';
import { PusherApi } from './api.ts';
import { newApp } from './app.ts';
import { appKnown } from './app-known.ts';
import { QUIET_CHANNEL, channelNames, plansFor } from './channels.ts';
import { type Findings, add, noFindings } from './findings.ts';
import { joined, truthOf } from './order.ts';
import { watchersOf } from './presence.ts';
import type { Pool } from './worker-protocol.ts';

/** How long members may take for what was published before it is published anew: they may just have been away. */
const REACHED_MS = 5000;
const PATIENCE_MS = 60_000;
/** Clients stand for the machines of other people: what is tested has the cores of this one first. */
const WORKER = { module: new URL('worker-main.ts', import.meta.url), lowPriority: true };

/** What a run came to. */
export interface Facts {
  injection: Injection;
  published: number;
  refused: number;
  unanswered: number;
  findings: Findings;
  /** Members that did not have everything in the end. */
  missing: string[];
  presence: PresenceFacts;
}

interface Stage {
  ground: Ground;
  pool: Pool;
  api: PusherApi;
  publisher: Publisher;
  channels: readonly string[];
}

/** One fault, while clients of the Pusher protocol use the installation. Rejects as the native run does. */
export async function runPusherScenario(options: ScenarioOptions<CommonFault>): Promise<Facts> {
  const { fault, scale, redis, seed, binary, log, signal } = options;
  log('starting an installation');
  const app = newApp();
  const needs = { ...ordinaryNeeds, redis, ...fault.needs, app };
  await using installation = await setUp(() => startInstallation(binary, needs));
  signal.throwIfAborted();
  await setUp(async () => fault.prepare?.(installation));
  signal.throwIfAborted();
  await using pool: Pool = new WorkerPool(scale.workers, WORKER);
  const random = seededRandom(seed);
  const spoken = channelNames(scale.topics);
  const api = new PusherApi(installation.controlUrls, app);
  const { rate, members } = scale;
  const quietTopics = [QUIET_CHANNEL];
  using publisher = new Publisher({ send: api.send, topics: spoken, quietTopics, rate, random, filling: FILLING });
  const ground: Ground = {
    ...waiting,
    installation,
    control: new Control(installation.controlUrls, installation.key),
    quietTopic: QUIET_CHANNEL,
    members,
    random,
    log,
    connected: () => pool.progress().reduce((sum, { open }) => sum + open, 0),
    publishTo: (channels) => publisher.fence(channels),
    missing: async (positions, timeoutMs) => {
      const answers = await pool.all('reached', { positions, timeoutMs });
      return answers.reduce((sum, { missing }) => sum + missing, 0);
    },
    absent: async () => (await pool.all('absent', null)).flatMap((answer) => answer.members),
    warmUp: async (edgeUrls) => {
      const share = { handshakes: HANDSHAKES / pool.size, lanes: LANES / pool.size };
      for (const url of edgeUrls) await pool.all('warmUp', { edgeUrls: [url], ...share });
    },
  };
  const stage = { ground, pool, api, publisher, channels: [...spoken, QUIET_CHANNEL] };
  const begin = async () => {
    await appKnown(app, installation.edgeUrls);
    log(`${members} clients connect`);
    const plans = plansFor(members, spoken, random);
    await pool.each('begin', (worker) => ({
      members: plans.filter(({ member }) => member % pool.size === worker),
      app,
      edgeUrls: installation.edgeUrls,
      seed: seed + worker,
    }));
  };
  return await abortable(carryThrough(stage, fault, begin), signal);
}

async function carryThrough(stage: Stage, fault: CommonFault, begin: () => Promise<void>): Promise<Facts> {
  const { ground, publisher, pool, channels } = stage;
  await setUp(async () => {
    await begin();
    publisher.start();
    const missing = await everybodyHas(stage);
    if (missing.length > 0) throw new Error(`not everybody receives: ${missing.join('; ')}`);
  });
  const from = monotonicMs();
  await ground.pass(BEFORE_MS);
  ground.log('everybody receives; breaking it');

  const injection = await fault.inject(ground);
  ground.log(injection.proof);
  await everybodyHas(stage);
  await ground.pass(AFTER_MS);
  await publisher.stop();
  const missing = await everybodyHas(stage);
  const endAt = monotonicMs();

  const presence = await readPresence(watchersOf(pool, stage.api), injection, fault.presenceStays ?? false);
  const receptions = joined(await pool.all('receptions', null));
  const truths = channels.map((channel) =>
    truthOf(
      channel,
      publisher.publications.filter(({ topic }) => topic === channel),
      receptions,
    ),
  );
  const { brokenAt, healedAt } = injection;
  const findings = noFindings();
  for (const part of await pool.all('check', { truths, run: { brokenAt, healedAt, endAt }, from })) add(findings, part);
  const outcomes = publisher.publications.map(({ outcome }) => outcome.kind);
  return {
    injection,
    published: truths.reduce((sum, { messages }) => sum + messages.length, 0),
    refused: outcomes.filter((kind) => kind === 'refused').length,
    unanswered: outcomes.filter((kind) => kind === 'unknown').length,
    findings,
    missing,
    presence,
  };
}

/**
 * Waits until every member has received one message on each of its channels. What was published while one was away never
 * comes to it, so that another one is published then. Gives those that had none in time.
 */
async function everybodyHas({ pool, publisher }: Stage): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answers = await pool.all('reached', { positions: await publisher.fence(), timeoutMs: REACHED_MS });
    const late = answers.flatMap(({ samples }) => samples);
    if (late.length === 0 || performance.now() > deadline) return late;
  }
}
