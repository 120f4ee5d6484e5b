import { DidNotHappen, type Fault } from '../fault.ts';
import { askForSum } from '../installation/servers.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const CLIENTS = 24;
const ROUNDS = 4;
/** There and back it is less than an edge waits for Redis. */
const SLOW_MS = 700;
/** Of a comparison that waits for the slow node, so much is over when clients change something. */
const UNDERWAY_MS = 250;
const OVER_MS = 3500;

export const slowNode: Fault = {
  name: 'slow-node',
  proves:
    'One master of a Cluster answers slowly while edges compare all of their clients: what a client subscribed to ' +
    'meanwhile is followed, and not undone by what was read before.',
  quick: true,
  on: ['cluster'],
  needs: { proxies: { edgesToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async (scene) => {
    const { installation, now, pass } = scene;
    const { masters } = installation.databases;
    const company = companyOf(scene);
    const topics = Array.from({ length: ROUNDS }, (_, round) => `prove.slow-${round}`);
    for (const topic of topics) await company.topic(topic);
    await company.hire(CLIENTS, [], [...installation.edges.keys()]);
    const ways = installation.proxies.edgesToRedis;
    const slow = ways.map(({ each }) => each[0]);
    const brokenAt = now();
    let killed = 0;
    for (const topic of topics) {
      for (const proxy of slow) proxy?.delay(SLOW_MS);
      killed += await askForSum(masters, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
      await pass(UNDERWAY_MS);
      await company.each(company.actors, (actor) => actor.subscribe([topic]));
      await pass(OVER_MS);
      for (const proxy of slow) proxy?.heal();
      await company.publishSurely(topic);
    }
    if (killed === 0) throw new DidNotHappen('Redis had no subscriber to cut');
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, topics);
    const proof = `one of ${masters.length} masters answered ${2 * SLOW_MS} ms late, ${ROUNDS} times, while ${killed} subscribers came again`;
    return { proof, brokenAt, healedAt, broken };
  },
};
