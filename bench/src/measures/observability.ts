import { setTimeout as delay } from 'node:timers/promises';
import { forEachBounded } from '@holdfast/harness/bounded';
import { observed } from '../peers/observed.ts';
import type { Measure } from './measure.ts';

/** The first of them pay for what a process allocates and compiles only once. */
const FIRST_SHARE = 0.1;
const TOPIC = 1;
/** Without subscribers. */
const SILENT = 2;
const PUBLISHES_AT_ONCE = 32;

/** Measure j: what webhooks and traces cost where they are on, and that they cost nothing where they are off. */
export const observability: Measure = {
  name: 'observability',
  title: 'Webhooks and traces',
  about: ({ delivery: { connections, broadcasts }, rest: { publishes }, size }) =>
    `${connections} connections subscribed to one topic; ${broadcasts} messages of ${size} bytes to all of them; ` +
    `${publishes} publishes to a topic without subscribers, ${PUBLISHES_AT_ONCE} at once. An endpoint takes all events; ` +
    'one trace in a hundred goes to a collector',
  metrics: () => [
    { id: 'handshake', title: 'CPU a handshake', unit: 'µs', better: 'less' },
    { id: 'handshakeOthers', title: 'elsewhere', unit: 'µs', better: 'less' },
    { id: 'delivery', title: 'CPU a delivery', unit: 'µs', better: 'less' },
    { id: 'publish', title: 'control-api and Redis, a publish', unit: 'µs', better: 'less' },
  ],
  peers: observed,
  run: async (peer, { amounts, openSession }) => {
    const { connections, warmUp, broadcasts } = amounts.delivery;
    const { publishes } = amounts.rest;
    const layout = { connections, topicsOf: () => [TOPIC], moreTopics: [SILENT] };
    await using session = await openSession(peer, layout);
    await session.open(FIRST_SHARE);
    await delay(amounts.settleMs);
    const first = await session.usage();
    await session.open();
    const open = await session.usage();
    const later = connections - Math.floor(connections * FIRST_SHARE);

    await session.broadcast(TOPIC, warmUp);
    const { cpu } = await session.costOf(() => session.broadcast(TOPIC, broadcasts));

    const message = session.message(SILENT);
    const publish = () => session.running.publish(message);
    await forEachBounded(Array(Math.ceil(publishes * FIRST_SHARE)), PUBLISHES_AT_ONCE, publish);
    const before = await session.usage();
    await forEachBounded(Array(publishes), PUBLISHES_AT_ONCE, publish);
    const after = await session.usage();
    return {
      handshake: ((open.cpu - first.cpu) / later) * 1e6,
      handshakeOthers: ((open.otherCpu - first.otherCpu) / later) * 1e6,
      delivery: cpu,
      publish: ((after.otherCpu - before.otherCpu) / publishes) * 1e6,
    };
  },
};
