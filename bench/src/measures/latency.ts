import { setTimeout as delay } from 'node:timers/promises';
import type { Histogram } from '@holdfast/harness/histogram';
import type { Peer } from '../peers/peer.ts';
import type { Session } from '../session.ts';
import type { Context, Figures, Measure, Metric } from './measure.ts';

const PERCENTILES = [50, 99, 99.9] as const;
const WARM_UP_MESSAGES = 5;
/** A generator that rests would add that to each figure. */
const WITHOUT_REST = [['pause-us', '0']] as const;

/** Measure e: from before the call that publishes to the arrival at each subscriber. */
export const latency: Measure = {
  name: 'latency',
  title: 'Latency',
  about: ({ latency: { connections, publishers, rate, seconds } }) =>
    `${connections} subscribers, ${rate} messages a second for ${seconds} s to all of them; then ${publishers} publishers ` +
    `at once, each as often to ${Math.floor(connections / publishers)} subscribers of its own topic`,
  metrics: () => [...metricsOf('one', 'one publisher'), ...metricsOf('many', 'many publishers')],
  run: async (peer, context) => {
    const { publishers } = context.amounts.latency;
    return { ...(await measure('one', peer, context, 1)), ...(await measure('many', peer, context, publishers)) };
  },
};

function metricsOf(id: string, title: string): Metric[] {
  return PERCENTILES.map((percent) => ({
    id: `${id}P${percent}`,
    title: `${title} p${percent}`,
    unit: 'ms',
    better: 'less',
  }));
}

async function measure(
  id: string,
  peer: Peer,
  { amounts, openSession }: Context,
  publishers: number,
): Promise<Figures> {
  const { connections, rate, seconds } = amounts.latency;
  const layout = { connections, topicsOf: (connection: number) => [(connection % publishers) + 1] };
  await using session = await openSession(peer, layout, WITHOUT_REST);
  await session.open();
  await session.broadcast(1, WARM_UP_MESSAGES);
  await session.generators.reset();
  await publishAtRate(session, publishers, rate, seconds);
  const { latencies } = await session.arrived();
  return percentilesOf(id, latencies);
}

/** Each publisher has its own schedule, whatever the others wait for; the schedules are spread over the period. */
async function publishAtRate(session: Session, publishers: number, rate: number, seconds: number): Promise<void> {
  const periodMs = 1000 / rate;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: publishers }, async (_, publisher) => {
      for (let beat = 0; beat < rate * seconds; beat += 1) {
        const dueAt = startedAt + (beat + publisher / publishers) * periodMs;
        await delay(Math.max(0, dueAt - performance.now()));
        await session.running.publish(session.message(publisher + 1));
      }
    }),
  );
}

function percentilesOf(id: string, latencies: Histogram): Figures {
  return Object.fromEntries(PERCENTILES.map((percent) => [`${id}P${percent}`, latencies.percentile(percent)]));
}
