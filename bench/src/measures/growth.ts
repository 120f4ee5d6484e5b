import type { Peer } from '../peers/peer.ts';
import type { Context, Figures, Measure, Metric } from './measure.ts';

const WARM_UP_BROADCASTS = 5;
const TOPIC = 1;
/** The connections on other topics, when it is the number of topics that grows. */
const OTHER_CONNECTIONS = 10_000;

/** Measure g: what a delivery costs as connections grow, and as topics grow. */
export const growth: Measure = {
  name: 'growth',
  title: 'Growth',
  about: ({ growth: { broadcasts, subscribers, connections, topics } }) =>
    `CPU a delivery, ${broadcasts} broadcasts one at a time: to ${connections.join(', ')} subscribers of one topic, in as many ` +
    `processes as the limit of descriptors demands; and to ${subscribers} subscribers of one topic beside ${topics.join(', ')} other ` +
    'topics, to which ten times as many others are subscribed',
  metrics: ({ growth: { connections, topics } }) => [
    ...connections.map((count) => metricOf(`connections${count}`, `${count} connections`)),
    ...topics.map((count) => metricOf(`topics${count}`, `${count} other topics`)),
  ],
  run: async (peer, context) => {
    const { connections, topics, subscribers } = context.amounts.growth;
    const figures: Figures = {};
    for (const count of connections) {
      figures[`connections${count}`] = await cpuOfDelivery(peer, context, {
        connections: count,
        topicsOf: () => [TOPIC],
      });
    }
    const others = Math.min(OTHER_CONNECTIONS, subscribers * 10);
    for (const count of topics) {
      figures[`topics${count}`] = await cpuOfDelivery(peer, context, {
        connections: subscribers + others,
        // Spread evenly, so that each process has its share of both.
        topicsOf: (index) => [index % 11 === 0 ? TOPIC : TOPIC + 1 + (index % count)],
      });
    }
    return figures;
  },
};

function metricOf(id: string, title: string): Metric {
  return { id, title, unit: 'µs', better: 'less' };
}

/** Null where one process is all that there is of a peer, and it cannot have so many descriptors. */
async function cpuOfDelivery(peer: Peer, context: Context, layout: Parameters<Context['openSession']>[1]) {
  const { amounts, openSession, perProcess } = context;
  if (peer.isOneProcess === true && layout.connections > perProcess) return null;
  await using session = await openSession(peer, layout);
  await session.open();
  await session.broadcast(TOPIC, WARM_UP_BROADCASTS);
  return (await session.costOf(() => session.broadcast(TOPIC, amounts.growth.broadcasts))).cpu;
}
