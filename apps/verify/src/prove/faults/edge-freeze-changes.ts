import type { Actor } from '../actors/actor.ts';
import type { Company } from '../actors/company.ts';
import { ENDING_MS } from '../checker/wishes.ts';
import type { Fault } from '../fault.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const EACH = 5;
const SHORT_MS = 3000;
const PAST_LEASE_MS = 13_000;
/** More ends of subscriptions than an edge is told of one by one. */
const TIMES = 70;
const LATER = 5;
const MARGIN_MS = 200;

export const edgeFreezeChanges: Fault = {
  name: 'edge-freeze-changes',
  proves:
    'An edge stands still, for a moment and past its lease, while clients unsubscribe and unregister: what is published ' +
    'a second later never reaches them, and what was published while they were subscribed does, or is announced.',
  quick: false,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, now } = scene;
    const [edge] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const company = companyOf(scene);
    const topics = ['prove.frozen-short', 'prove.frozen-long', 'prove.frozen-often'];
    for (const topic of topics) await company.topic(topic);
    const brokenAt = now();
    for (const [topic, ms] of [
      ['prove.frozen-short', SHORT_MS],
      ['prove.frozen-long', PAST_LEASE_MS],
    ] as const) {
      const actors = await company.hire(3 * EACH, [topic], [0]);
      await company.publishSurely(topic);
      await company.settled(SHORT_MS);
      edge.freeze();
      await changeMeanwhile(scene, company, topic, actors, ms);
      edge.thaw();
      await untilReady(scene);
    }
    const [often] = await company.hire(1, [], [0]);
    if (often === undefined) throw new Error('one was hired');
    edge.freeze();
    for (let time = 0; time < TIMES; time += 1) {
      await often.subscribe(['prove.frozen-often']);
      await company.publishSurely('prove.frozen-often');
      await often.unsubscribe(['prove.frozen-often']);
    }
    edge.thaw();
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, topics);
    const proof = `${edge.name} stood still for ${SHORT_MS} and ${PAST_LEASE_MS} ms, and while one subscribed ${TIMES} times`;
    return { proof, brokenAt, healedAt, broken };
  },
};

/** A third unsubscribes and a third unregisters; a second later there are messages. The others are quiet. */
async function changeMeanwhile(
  { now, pass }: Scene,
  company: Company,
  topic: string,
  actors: readonly Actor[],
  ms: number,
): Promise<void> {
  const from = now();
  await company.each(actors.slice(0, EACH), (actor) => actor.unsubscribe([topic]));
  await company.each(actors.slice(EACH, 2 * EACH), (actor) => actor.unregister());
  await pass(ENDING_MS + MARGIN_MS);
  for (let message = 0; message < LATER; message += 1) await company.publishSurely(topic);
  await pass(Math.max(0, ms - (now() - from)));
}
