import { setTimeout as delay } from 'node:timers/promises';
import { holdfast } from '../peers/holdfast.ts';
import { holdfastPusher } from '../peers/holdfast-pusher.ts';
import { sockudo } from '../peers/sockudo.ts';
import { delivery } from './delivery.ts';
import type { Measure } from './measure.ts';
import type { Published } from './published.ts';

const TOPIC = 1;
const WARM_UP_MESSAGES = 5;
/** A generator that rests would add that to each figure. */
const WITHOUT_REST = [['pause-us', '0']] as const;

/** No project publishes its CPU a delivery, or its memory a connection. */
const published: readonly Published[] = [
  {
    peer: 'soketi, published',
    figures: { delay: 6 },
    source:
      'docs.soketi.app/benchmarks: mean from publishing to arrival less the way, 500 idle subscribers, a message a ' +
      'second, while up to 500 others connect and leave; t3.small, 2 vCPU; no figure of CPU or memory',
  },
  {
    peer: 'soketi, by sockudo',
    figures: { delay: 12.01 },
    source: 'sockudo.app/guide/performance-benchmarks: mean of up to 500 clients in k6 on a Ryzen 7 8845HS',
  },
  { peer: 'sockudo, published', figures: { delay: 1.84 }, source: 'the same page' },
];

/** Measure k: a delivery, a handshake and a connection by the native protocol and by Pusher's, beside others that speak it. */
export const pusher: Measure = {
  name: 'pusher',
  title: 'The Pusher door',
  about: (amounts) =>
    `${delivery.about(amounts)}; a handshake ends with the subscription. Then the median from before the call that ` +
    `publishes to the arrival at ${amounts.pusher.subscribers} subscribers`,
  metrics: (amounts) => [
    ...delivery.metrics(amounts),
    { id: 'delay', title: 'publish to arrival', unit: 'ms', better: 'less' },
  ],
  peers: [holdfast, holdfastPusher, sockudo],
  published,
  run: async (peer, context) => {
    const figures = await delivery.run(peer, context);
    const { subscribers, messages, everyMs } = context.amounts.pusher;
    const layout = { connections: subscribers, topicsOf: () => [TOPIC] };
    await using session = await context.openSession(peer, layout, WITHOUT_REST);
    await session.open();
    await session.broadcast(TOPIC, WARM_UP_MESSAGES);
    await session.generators.reset();
    for (let message = 0; message < messages; message += 1) {
      await session.running.publish(session.message(TOPIC));
      await delay(everyMs, undefined, { signal: context.signal });
    }
    const { latencies } = await session.arrived();
    return { ...figures, delay: latencies.percentile(50) };
  },
};
