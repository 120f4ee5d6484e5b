import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnChild } from '@holdfast/local/child';
import { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { memoryOf } from '../../proc.ts';
import { temporaryDirectory } from '../../temporary-directory.ts';
import type { Figures, Measure, Metric } from '../measure.ts';
import { type EdgeAttacker, type EdgeFlood, edgeAttackers } from './edge-attackers.ts';
import { EdgeBystander, type EdgeFare } from './edge-bystander.ts';

const PROGRAM = fileURLToPath(new URL('edge-flood-main.ts', import.meta.url));
const MIB = 1024 * 1024;
const ENDING_MS = 5000;
/** The last attack is over, and its sockets are closed. */
const PAUSE_MS = 2000;

/** What a delivery and a handshake take at an edge, alone and beside each kind of hostile client. */
export const edgeHostile: Measure = {
  name: 'hostile-edge',
  title: 'A bystander at an edge beside hostile clients',
  about: ({ hostile: { rate, seconds } }) =>
    `one edge; ${rate} messages and ${rate / 10} handshakes a second for ${seconds} s, alone and then beside each kind of ` +
    'hostile client; from before the call that publishes to the arrival, and from the connection to the welcome',
  metrics: () => edgeAttackers.flatMap(metricsOf),
  onlyHoldfast: true,
  run: async (_peer, { amounts, say, signal }) => {
    await using installation = await HoldfastInstallation.start({ edges: 1, say });
    const [port = 0] = installation.edgePorts;
    const bystander = await EdgeBystander.join(installation, port);
    const fare = () => bystander.fare(amounts.hostile);
    const rss = async () => (await memoryOf(installation.edges.map(({ pid }) => pid))).rss / MIB;
    // Compiles what is called.
    await fare();
    const figures: Figures = {};
    for (const attacker of edgeAttackers) {
      signal.throwIfAborted();
      const flood = await attacker.prepare(installation, port);
      const alone = await fare();
      const rssAlone = await rss();
      const beside = await during(flood, fare);
      Object.assign(figures, figuresOf(attacker, alone, beside, await rss()));
      say(`${attacker.title}: alone ${timesOf(alone)}, ${Math.round(rssAlone)} MiB; beside ${timesOf(beside)}`);
      await delay(PAUSE_MS);
    }
    bystander.leave();
    return figures;
  },
};

function metricsOf({ id, title }: EdgeAttacker): Metric[] {
  return [
    { id: `${id}P99`, title: `${title}: delivery p99`, unit: 'ms', better: 'less' },
    { id: `${id}Ratio`, title: 'of alone', unit: '×', better: 'less' },
    { id: `${id}Handshake`, title: 'handshake p99', unit: 'ms', better: 'less' },
    { id: `${id}Failed`, title: 'failed', unit: '', better: 'less' },
    { id: `${id}Rss`, title: 'memory of the edge', unit: 'MiB', better: 'less' },
  ];
}

function figuresOf({ id }: EdgeAttacker, alone: EdgeFare, beside: EdgeFare, rss: number): Figures {
  return {
    [`${id}P99`]: beside.deliveryP99,
    [`${id}Ratio`]: beside.deliveryP99 / alone.deliveryP99,
    [`${id}Handshake`]: beside.handshakeP99,
    [`${id}Failed`]: beside.failed,
    [`${id}Rss`]: rss,
  };
}

function timesOf({ deliveryP50, deliveryP99, handshakeP99, failed }: EdgeFare): string {
  const delivery = `delivery p50 ${deliveryP50.toFixed(1)} ms, p99 ${deliveryP99.toFixed(1)} ms`;
  return `${delivery}, handshake p99 ${handshakeP99.toFixed(1)} ms, ${failed} failed`;
}

/** The bystander's fare during an attack. */
async function during(flood: EdgeFlood, fare: () => Promise<EdgeFare>): Promise<EdgeFare> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'flood.json');
  await writeFile(file, JSON.stringify(flood));
  const child = await spawnChild({
    command: process.execPath,
    args: [PROGRAM, file],
    env: {},
    cleanUp: { script: 'kill -KILL "$1"' },
  });
  try {
    return await fare();
  } finally {
    await child.stop(ENDING_MS);
  }
}
