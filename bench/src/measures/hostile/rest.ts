import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { memoryOf } from '../../machine.ts';
import type { Figures, Measure, Metric } from '../measure.ts';
import { type Attacker, atRate, percentile, whileAttacked } from './attack.ts';
import { restAttackers } from './rest-attackers.ts';

const MIB = 1024 * 1024;
const TOPIC = 'bystander';
const MESSAGE = JSON.stringify('x'.repeat(150));
/** Uses up what an attack has from before: the calls that a client may make at once. */
const ATTACKED_FOR_MS = 1000;

/** What a bystander's publishes take alone, and beside each kind of hostile caller. */
export const hostile: Measure = {
  name: 'hostile',
  title: 'A bystander beside hostile callers',
  about: ({ hostile: { rate, seconds } }) =>
    `one control-api and one edge; a bystander publishes ${rate} times a second for ${seconds} s, alone and then beside ` +
    'each kind of hostile caller',
  metrics: () => [{ id: 'p99', title: 'alone, p99', unit: 'ms', better: 'less' }, ...restAttackers.flatMap(metricsOf)],
  onlyHoldfast: true,
  run: async (_peer, { amounts, log, signal }) => {
    await using installation = await HoldfastInstallation.start({ edges: 1, log });
    await installation.call('PUT', `/v1/topics/${TOPIC}`, '{}');
    const observe = () => publishTimes(installation, amounts.hostile);
    // Compiles what is called.
    await observe();
    const figures: Figures = { p99: null };
    for (const attacker of restAttackers) {
      signal.throwIfAborted();
      const flood = await attacker.prepare(installation);
      const alone = await observe();
      const { beside, mib } = await whileAttacked(flood, async () => {
        await delay(ATTACKED_FOR_MS);
        return { beside: await observe(), mib: (await memoryOf(installation.controlPids)).rss / MIB };
      });
      const { id, title } = attacker;
      log(
        `${title}: alone ${inWords(alone)}; beside ${inWords(beside)}, ${beside.failed} failed, ${Math.round(mib)} MiB`,
      );
      figures['p99'] ??= alone.p99;
      figures[`${id}P99`] = beside.p99;
      figures[`${id}Ratio`] = beside.p99 / alone.p99;
      figures[`${id}Failed`] = beside.failed;
      figures[`${id}Rss`] = mib;
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

/** What the bystander's calls take in milliseconds, and how many of them have no success. */
interface PublishTimes {
  p50: number;
  p99: number;
  failed: number;
}

async function publishTimes(
  installation: HoldfastInstallation,
  amounts: { rate: number; seconds: number },
): Promise<PublishTimes> {
  const took: number[] = [];
  const failed = await atRate(amounts, async () => {
    // The timer may have been late; that is the load generator's, and not the service's.
    const startedAt = performance.now();
    await installation.call('POST', `/v1/topics/${TOPIC}/messages`, MESSAGE);
    took.push(performance.now() - startedAt);
  });
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99), failed };
}

function inWords({ p50, p99 }: PublishTimes): string {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
}
