import { redisKeys } from '@holdfast/protocol/keys';
import type { Actor } from '../actors/actor.ts';
import { DidNotHappen, type Fault } from '../fault.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const CLIENTS = 36;
const ROUNDS = 2;
const TOPICS_A_ROUND = 3;
/** There and back it is less than an edge waits for Redis. */
const SLOW_MS = 700;
/** Past the lease: an edge compares everything when it learns so. */
const FROZEN_MS = 11_000;
/** A change every so often, so that some fall into each comparison, which waits for the slow node. */
const EVERY_MS = 80;

export const slowNode: Fault = {
  name: 'slow-node',
  proves:
    'One master of a Cluster answers slowly while an edge that stood still past its lease compares all of its clients: what a client of another master ' +
    'subscribed to meanwhile is followed, and not undone by what was read before.',
  quick: true,
  on: ['cluster'],
  needs: { proxies: { edgesToRedis: true } },
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, now, pass } = scene;
    const { masters } = installation.databases;
    const [edge] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const company = companyOf(scene);
    const topics = Array.from({ length: ROUNDS * TOPICS_A_ROUND }, (_, index) => `prove.slow-${index}`);
    for (const topic of topics) await company.topic(topic);
    const actors = await company.hire(CLIENTS, [], [0]);
    // Those of the slow one are quiet: they are compared with the others, and hold that up.
    const fast = await clientsElsewhere(scene, actors);
    if (fast.length === 0 || fast.length === actors.length) throw new DidNotHappen('all clients are on one side');
    const slow = installation.proxies.edgesToRedis.map(({ each }) => each[0]);
    const brokenAt = now();
    let rounds = 0;
    for (let isBroken = false; rounds < ROUNDS && !isBroken; rounds += 1) {
      const some = topics.slice(rounds * TOPICS_A_ROUND, (rounds + 1) * TOPICS_A_ROUND);
      for (const proxy of slow) proxy?.delay(SLOW_MS);
      edge.freeze();
      await pass(FROZEN_MS);
      edge.thaw();
      for (const topic of some) {
        for (const actor of fast) await Promise.all([actor.subscribe([topic]), pass(EVERY_MS)]);
      }
      for (const proxy of slow) proxy?.heal();
      for (const topic of some) await company.publishSurely(topic);
      // The next comparison would heal them.
      isBroken = await company.checkpoint();
    }
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, topics);
    const proof = `one of ${masters.length} masters answered ${2 * SLOW_MS} ms late, ${rounds} times, while ${edge.name} came back from a stall of ${FROZEN_MS} ms and ${fast.length} of its clients subscribed`;
    return { proof, brokenAt, healedAt, broken };
  },
};

/** The clients whose state is not at the first master. */
async function clientsElsewhere({ installation }: Scene, actors: readonly Actor[]): Promise<Actor[]> {
  const { redis, prefix } = installation;
  const keyOf = redisKeys(prefix).client;
  const here = await Promise.all(
    actors.map(({ id }) =>
      redis.ask('EXISTS', keyOf(id)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return actors.filter((_, index) => here[index] === false);
}
