import { setTimeout as delay } from 'node:timers/promises';
import type { Seen } from '../crew.ts';
import { describeMachine } from '../machine.ts';
import type { ScalePlan } from './command-line.ts';
import type { Change } from './limits.ts';
import type { Cpu, Phase, ScaleResult } from './result.ts';
import { EVERYBODY, Stage, type StageOptions } from './stage.ts';

const LOOK_EVERY_MS = 5000;
/** Slower than this, something is stuck. */
const SLOWEST_HANDSHAKES_A_SECOND = 200;
const SLOWEST_DELIVERIES_A_SECOND = 5000;
const LEAST_PATIENCE_MS = 60_000;
const SETTLE_MS = 3000;
/** The edge that dies. */
const VICTIM = 0;

interface Run {
  stage: Stage;
  plan: ScalePlan;
  say: (line: string) => void;
  signal: AbortSignal;
  phases: Phase[];
}

/** The whole story, from registration to the return of those whose edge died. */
export async function runScale(options: StageOptions, changed: readonly Change[], signal: AbortSignal) {
  const { plan, say } = options;
  await using stage = await Stage.start(options);
  signal.addEventListener('abort', () => stage.crew.kill(), { once: true });
  const run: Run = { stage, plan, say, signal, phases: [] };

  const start = await stage.memory();
  await phase(run, 'registering', () => stage.register(say));
  const registered = await stage.memory();
  await phase(run, 'connecting', () => connectAll(run));
  await delay(SETTLE_MS, undefined, { signal });
  const connected = await stage.memory();
  await phase(run, 'a message to all', () => broadcast(run));
  await phase(run, 'a trickle', () => trickle(run));
  let seconds = 0;
  stage.condemn(VICTIM);
  await phase(run, 'the death of an edge', async () => {
    seconds = await survive(run);
  });
  const end = await stage.memory();

  const clients = Math.ceil(plan.connections / stage.edgeCount);
  return {
    at: new Date().toISOString(),
    machine: await describeMachine(),
    plan,
    edges: stage.edgeCount,
    generators: stage.crew.pids.length,
    changed,
    phases: run.phases,
    memory: { start, registered, connected, end },
    returned: { clients, seconds },
  } satisfies ScaleResult;
}

async function phase(run: Run, name: string, work: () => Promise<void>): Promise<void> {
  const { stage, say, signal, phases } = run;
  signal.throwIfAborted();
  await stage.crew.reset();
  const before = await stage.cpu();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await stage.cpu();
  const seen = await stage.crew.report();
  phases.push(phaseOf(name, seconds, differenceOf(before, after), seen, stage.crew.expected));
  say(`${name}: ${seconds.toFixed(1)} s`);
}

function phaseOf(name: string, seconds: number, cpu: Cpu, seen: Seen, expected: number): Phase {
  const at = (percent: number) => seen.latencies.percentile(percent);
  return {
    name,
    seconds,
    cpu,
    deliveries: seen.received,
    latencyMs: seen.received === 0 ? null : { p50: at(50), p99: at(99), p999: at(99.9) },
    // What never came at all has no successor that would show the gap.
    lost: expected - seen.received,
    duplicated: seen.duplicated,
  };
}

function differenceOf(before: Cpu, after: Cpu): Cpu {
  return {
    edges: after.edges - before.edges,
    controls: after.controls - before.controls,
    redis: after.redis - before.redis,
    generators: after.generators - before.generators,
  };
}

async function connectAll({ stage, plan, say, signal }: Run): Promise<void> {
  const patienceMs = LEAST_PATIENCE_MS + (plan.connections / SLOWEST_HANDSHAKES_A_SECOND) * 1000;
  const giveUpAt = performance.now() + patienceMs;
  await stage.crew.beginToOpen(1);
  for (;;) {
    const { ready, refused, failed } = await stage.crew.waitReady(undefined, LOOK_EVERY_MS);
    if (ready === plan.connections) return;
    say(`connected: ${ready.toLocaleString('en-US')} (${refused} refused, ${failed} failed, all to be tried again)`);
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) throw new Error(`only ${ready} connections stand after ${patienceMs / 1000} s`);
  }
}

function patienceFor({ plan }: Run): number {
  return LEAST_PATIENCE_MS + (plan.connections / SLOWEST_DELIVERIES_A_SECOND) * 1000;
}

async function broadcast(run: Run): Promise<void> {
  const { stage, plan } = run;
  for (let count = 0; count < plan.broadcasts; count += 1) {
    await stage.installation.publish(stage.message(EVERYBODY));
    await stage.crew.settled(patienceFor(run));
  }
}

async function trickle(run: Run): Promise<void> {
  await publishShares(run, run.plan.seconds, new AbortController().signal);
  await run.stage.crew.settled(patienceFor(run));
}

/** Publishes to the topics with a share, one after the other, at the rate; until the time is over, or `over` says so. */
async function publishShares({ stage, plan, signal }: Run, seconds: number, over: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (let beat = 0; beat < plan.rate * seconds && !over.aborted; beat += 1) {
    const dueAt = startedAt + (beat * 1000) / plan.rate;
    await delay(Math.max(0, dueAt - performance.now()), undefined, { signal });
    await stage.installation.publish(stage.message(EVERYBODY + 1 + (beat % plan.topics)));
  }
}

/** Kills an edge while the trickle goes on. Gives the seconds until the last of its clients is back. */
async function survive(run: Run): Promise<number> {
  const { stage, plan } = run;
  const over = new AbortController();
  const publishing = publishShares(run, Number.POSITIVE_INFINITY, over.signal);
  const killedAt = Number(process.hrtime.bigint());
  await stage.killEdge(VICTIM);
  const clients = Math.ceil(plan.connections / stage.edgeCount);
  const patienceMs = LEAST_PATIENCE_MS + (clients / SLOWEST_HANDSHAKES_A_SECOND) * 1000;
  const { readyAt, readied } = await stage.crew.back(stage.isClientOf(VICTIM), patienceMs);
  over.abort();
  await publishing;
  if (readied < clients) throw new Error(`${readied} of ${clients} clients came back within ${patienceMs / 1000} s`);
  // Whoever receives this one knows what he has missed before.
  await stage.installation.publish(stage.message(EVERYBODY));
  await stage.crew.settled(patienceFor(run));
  return (readyAt - killedAt) / 1e9;
}
