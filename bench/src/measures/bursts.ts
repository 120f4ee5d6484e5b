import type { Measure } from './measure.ts';

const TOPIC = 1;

/** Measure d: how many deliveries a second a server gets out of its one core. */
export const bursts: Measure = {
  name: 'bursts',
  title: 'Bursts',
  about: ({ bursts: { connections, bursts: count, messages }, size }) =>
    `${count} bursts of ${messages} messages of ${size} bytes to ${connections} subscribers of one topic, published ` +
    'with one call where the server has one for several, and one after the other where it has not; a burst ends with its last delivery',
  metrics: () => [
    { id: 'rate', title: 'deliveries a second', unit: '/s', better: 'more' },
    { id: 'cpu', title: 'CPU a delivery', unit: 'µs', better: 'less', againstFloor: true },
    { id: 'others', title: 'elsewhere', unit: 'µs', better: 'less' },
  ],
  run: async (peer, { amounts, openSession }) => {
    const { connections, warmUp, bursts: count, messages } = amounts.bursts;
    await using session = await openSession(peer, { connections, topicsOf: () => [TOPIC] });
    await session.open();
    for (let burst = 0; burst < warmUp; burst += 1) await session.burst(TOPIC, messages);
    let seconds = 0;
    const { cpu, others, deliveries } = await session.costOf(async () => {
      for (let burst = 0; burst < count; burst += 1) {
        const startedAt = Number(process.hrtime.bigint());
        const { receivedAt } = await session.burst(TOPIC, messages);
        seconds += (receivedAt - startedAt) / 1e9;
      }
    });
    return { rate: deliveries / seconds, cpu, others };
  },
};
