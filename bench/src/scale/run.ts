import { setTimeout as delay } from 'node:timers/promises';
import { describeMachine } from '../machine.ts';
import type { Change } from './limits.ts';
import type { Phase, ScaleResult } from './report.ts';
import { type Cpu, Setup, type SetupOptions, TOPIC_OF_ALL } from './setup.ts';

const LOOK_EVERY_MS = 5000;
/** Slower than this, something is stuck. */
const SLOWEST_HANDSHAKES_A_SECOND = 200;
const SLOWEST_DELIVERIES_A_SECOND = 5000;
const LEAST_PATIENCE_MS = 60_000;
const SETTLE_MS = 3000;
const KILLED_EDGE = 0;

interface Run extends SetupOptions {
  setup: Setup;
  phases: Phase[];
}

/** The whole run, from registration to the return of the clients whose edge was killed. */
export async function runScale(options: SetupOptions, changed: readonly Change[]): Promise<ScaleResult> {
  const { plan, signal, log } = options;
  await using setup = await Setup.start(options);
  const run: Run = { ...options, setup, phases: [] };

  const start = await setup.memory();
  await phase(run, 'registering', () => setup.register(log));
  const registered = await setup.memory();
  await phase(run, 'connecting', () => connectAll(run));
  await delay(SETTLE_MS, undefined, { signal });
  const connected = await setup.memory();
  await phase(run, 'a message to all', async () => {
    for (let count = 0; count < plan.broadcasts; count += 1) await publishToAll(run);
  });
  await phase(run, 'a trickle', async () => {
    await trickle(run, plan.seconds);
    await delivered(run);
  });
  let seconds = 0;
  setup.leaveOut(KILLED_EDGE);
  await phase(run, 'the death of an edge', async () => {
    seconds = await killAnEdge(run);
  });
  const end = await setup.memory();

  return {
    at: new Date().toISOString(),
    machine: await describeMachine(),
    plan,
    edges: setup.edgeCount,
    generators: setup.generators.pids.length,
    changed,
    phases: run.phases,
    memory: { start, registered, connected, end },
    returned: { clients: clientsOfAnEdge(run), seconds },
  };
}

async function phase({ setup, log, signal, phases }: Run, name: string, work: () => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  await setup.generators.reset();
  const before = await setup.cpu();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = differenceOf(before, await setup.cpu());
  const { received, duplicated, latencies } = await setup.generators.report();
  const at = (percent: number) => latencies.percentile(percent);
  phases.push({
    name,
    seconds,
    cpu,
    deliveries: received,
    latencyMs: received === 0 ? null : { p50: at(50), p99: at(99), p999: at(99.9) },
    // What never came at all has no successor that would show the gap.
    lost: setup.generators.expected - received,
    duplicated,
  });
  log(`${name}: ${seconds.toFixed(1)} s`);
}

function differenceOf(before: Cpu, after: Cpu): Cpu {
  return {
    edges: after.edges - before.edges,
    controls: after.controls - before.controls,
    redis: after.redis - before.redis,
    generators: after.generators - before.generators,
  };
}

async function connectAll({ setup, plan, log, signal }: Run): Promise<void> {
  const patienceMs = handshakePatienceMs(plan.connections);
  const giveUpAt = performance.now() + patienceMs;
  await setup.generators.startOpening(1);
  for (;;) {
    const { ready, refused, failed } = await setup.generators.waitReady(LOOK_EVERY_MS);
    if (ready === plan.connections) return;
    log(`connected: ${ready.toLocaleString('en-US')} (${refused} refused, ${failed} failed, all to be tried again)`);
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) throw new Error(`only ${ready} connections stand after ${patienceMs / 1000} s`);
  }
}

function handshakePatienceMs(connections: number): number {
  return LEAST_PATIENCE_MS + (connections / SLOWEST_HANDSHAKES_A_SECOND) * 1000;
}

function clientsOfAnEdge({ plan, setup }: Run): number {
  return Math.ceil(plan.connections / setup.edgeCount);
}

async function delivered({ setup, plan }: Run): Promise<void> {
  const patienceMs = LEAST_PATIENCE_MS + (plan.connections / SLOWEST_DELIVERIES_A_SECOND) * 1000;
  await setup.generators.waitDelivered(patienceMs);
}

async function publishToAll(run: Run): Promise<void> {
  await run.setup.publish(TOPIC_OF_ALL);
  await delivered(run);
}

/** Publishes to the topics with a share, one after the other, at the rate; until the time is over, or `over` aborts. */
async function trickle({ setup, plan, signal }: Run, seconds: number, over?: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (let beat = 0; beat < plan.rate * seconds; beat += 1) {
    if (over?.aborted === true) return;
    const dueAt = startedAt + (beat * 1000) / plan.rate;
    await delay(Math.max(0, dueAt - performance.now()), undefined, { signal });
    await setup.publish(TOPIC_OF_ALL + 1 + (beat % plan.topics));
  }
}

/** Kills an edge while the trickle goes on. Returns the seconds until the last of its clients is back. */
async function killAnEdge(run: Run): Promise<number> {
  const { setup } = run;
  const over = new AbortController();
  const publishing = trickle(run, Number.POSITIVE_INFINITY, over.signal);
  const killedAt = Number(process.hrtime.bigint());
  await setup.installation.kill(KILLED_EDGE);
  const clients = clientsOfAnEdge(run);
  const patienceMs = handshakePatienceMs(clients);
  const { readyAt, readied } = await setup.generators.waitReturned(setup.isClientOf(KILLED_EDGE), patienceMs);
  over.abort();
  await publishing;
  if (readied < clients) throw new Error(`${readied} of ${clients} clients came back within ${patienceMs / 1000} s`);
  // A connection that receives this message has counted what it missed before.
  await publishToAll(run);
  return (readyAt - killedAt) / 1e9;
}
