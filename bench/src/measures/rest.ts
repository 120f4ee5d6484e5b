import { randomUUID } from 'node:crypto';
import { forEachBounded } from '@holdfast/harness/bounded';
import { encodeMessage } from '../message.ts';
import { BATCH, HoldfastInstallation, batchOf } from '../peers/holdfast-installation.ts';
import { topicName } from '../peers/peer.ts';
import type { Figures, Measure, Metric } from './measure.ts';

const WARM_UP_SHARE = 0.1;
const BATCHES_AT_ONCE = 4;
const TOPIC = 1;

/** Measure h: one control-api process, without connections. */
export const rest: Measure = {
  name: 'rest',
  title: 'REST',
  about: ({ rest: { registrations, publishes, batches, atOnce }, size }) =>
    `one control-api: ${registrations} registrations with a topic, ${publishes} publishes of ${size} bytes, ` +
    `${batches} batches of ${BATCH} of them; ${atOnce} calls at once, batches ${BATCHES_AT_ONCE}`,
  metrics: () => [
    ...metricsOf('register', 'registrations'),
    ...metricsOf('single', 'publishes'),
    ...metricsOf('batch', 'in batches'),
  ],
  onlyHoldfast: true,
  run: async (_peer, { amounts, log }) => {
    const { registrations, publishes, batches, atOnce } = amounts.rest;
    await using installation = await HoldfastInstallation.start({ edges: 1, log, callsAtOnce: atOnce });
    await installation.createTopics([TOPIC]);
    // The messages are read by no generator: their stamp does not matter.
    const message = { topic: TOPIC, data: encodeMessage(0, 1, 0n, amounts.size) };
    const batch = batchOf(Array.from({ length: BATCH }, () => message));
    const register = () =>
      installation.call('POST', '/v1/clients', JSON.stringify({ clientId: randomUUID(), topics: [topicName(TOPIC)] }));
    const publish = () => installation.publish(message);
    const publishBatch = () => installation.call('POST', '/v1/messages', batch);
    return {
      ...(await measured('register', installation, { calls: registrations, atOnce, each: 1 }, register)),
      ...(await measured('single', installation, { calls: publishes, atOnce, each: 1 }, publish)),
      ...(await measured(
        'batch',
        installation,
        { calls: batches, atOnce: BATCHES_AT_ONCE, each: BATCH },
        publishBatch,
      )),
    };
  },
};

function metricsOf(id: string, title: string): Metric[] {
  return [
    { id: `${id}Rate`, title, unit: '/s', better: 'more' },
    { id: `${id}Control`, title: 'control-api', unit: 'µs', better: 'less' },
    { id: `${id}Redis`, title: 'Redis', unit: 'µs', better: 'less' },
  ];
}

interface Work {
  calls: number;
  atOnce: number;
  /** How many things one call does. */
  each: number;
}

async function measured(
  id: string,
  installation: HoldfastInstallation,
  { calls, atOnce, each }: Work,
  call: () => Promise<void>,
): Promise<Figures> {
  await forEachBounded(Array(Math.ceil(calls * WARM_UP_SHARE)), atOnce, call);
  const before = await installation.cpu();
  const startedAt = performance.now();
  await forEachBounded(Array(calls), atOnce, call);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await installation.cpu();
  const things = calls * each;
  return {
    [`${id}Rate`]: things / seconds,
    [`${id}Control`]: ((after.control - before.control) / things) * 1e6,
    [`${id}Redis`]: ((after.redis - before.redis) / things) * 1e6,
  };
}
