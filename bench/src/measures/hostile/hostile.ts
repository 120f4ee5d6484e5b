import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnChild } from '@holdfast/local/child';
import { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { memoryOf } from '../../proc.ts';
import { temporaryDirectory } from '../../temporary-directory.ts';
import type { Figures, Measure, Metric } from '../measure.ts';
import type { Attacker, Flood } from './attacker.ts';
import { attackers } from './attackers.ts';
import { type Fare, fareOf, prepareBystander } from './bystander.ts';

const PROGRAM = fileURLToPath(new URL('flood-main.ts', import.meta.url));
const MIB = 1024 * 1024;
const ENDING_MS = 5_000;
/** What an attack has at hand from before is used up: the calls that a client may make at once. */
const ATTACKED_FOR_MS = 1_000;

/** What a bystander's publishes take alone, and beside each kind of hostile caller. */
export const hostile: Measure = {
  name: 'hostile',
  title: 'A bystander beside hostile callers',
  about: ({ hostile: { rate, seconds } }) =>
    `one control-api and one edge; a bystander publishes ${rate} times a second for ${seconds} s, alone and then beside ` +
    'each kind of hostile caller',
  metrics: () => [{ id: 'p99', title: 'alone, p99', unit: 'ms', better: 'less' }, ...attackers.flatMap(metricsOf)],
  onlyHoldfast: true,
  run: async (_peer, { amounts, say, signal }) => {
    await using installation = await HoldfastInstallation.start({ edges: 1, say });
    await prepareBystander(installation);
    const fare = () => fareOf(installation, amounts.hostile);
    // Compiles what is called.
    await fare();
    const figures: Figures = { p99: null };
    for (const attacker of attackers) {
      signal.throwIfAborted();
      const flood = await attacker.prepare(installation);
      const alone = await fare();
      figures['p99'] ??= alone.p99;
      const { beside, rss } = await during(flood, installation, fare);
      say(lineOf(attacker, alone, beside, rss));
      figures[`${attacker.id}P99`] = beside.p99;
      figures[`${attacker.id}Ratio`] = beside.p99 / alone.p99;
      figures[`${attacker.id}Failed`] = beside.failed;
      figures[`${attacker.id}Rss`] = rss / MIB;
    }
    return figures;
  },
};

function metricsOf({ id, title }: Attacker): Metric[] {
  return [
    { id: `${id}P99`, title: `${title}: p99`, unit: 'ms', better: 'less' },
    { id: `${id}Ratio`, title: 'of alone', unit: '×', better: 'less' },
    { id: `${id}Failed`, title: 'not answered', unit: '', better: 'less' },
    { id: `${id}Rss`, title: 'memory of control-api', unit: 'MiB', better: 'less' },
  ];
}

function lineOf({ title }: Attacker, alone: Fare, beside: Fare, rss: number): string {
  const mib = Math.round(rss / MIB);
  return `${title}: alone ${timesOf(alone)}; beside ${timesOf(beside)}, ${beside.failed} failed, ${mib} MiB`;
}

function timesOf({ p50, p99 }: Fare): string {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
}

/** The bystander's fare during an attack, and the memory of control-api at its end. */
async function during(flood: Flood, installation: HoldfastInstallation, fare: () => Promise<Fare>) {
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
    await delay(ATTACKED_FOR_MS);
    const beside = await fare();
    const { rss } = await memoryOf(installation.controlPids);
    return { beside, rss };
  } finally {
    await child.stop(ENDING_MS);
  }
}
