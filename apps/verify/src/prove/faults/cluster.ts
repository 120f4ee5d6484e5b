import { joinCluster, nodeId } from '@holdfast/local/redis-cluster';
import { redisKeys } from '@holdfast/protocol/keys';
import type { Actor } from '../actors/actor.ts';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';
import { reshard, slotsOf } from '../installation/reshard.ts';
import { askEach } from '../installation/servers.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

export const clusterReshard: Fault = {
  name: 'cluster-reshard',
  proves:
    'All slots of a master migrate to another one under load, topics and clients with them: nobody is disconnected, and ' +
    'nothing is lost.',
  quick: true,
  on: ['cluster'],
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now }) => {
    const { databases, edges } = installation;
    const { binary, masters, replicas } = databases;
    const [from, to] = masters;
    if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
    const subscriptions = async () => {
      const counts = edges.map(({ url }) => readMetric(url, 'resubscriptions_total'));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const named = (await from.ask('KEYS', `${installation.prefix}topic:{*}`)) as string[];
    const topics = named.filter((key) => key.endsWith('}')).length;
    const [slots, keys, before] = [await slotsOf(from), Number(await from.ask('DBSIZE')), await subscriptions()];
    const brokenAt = now();
    await reshard({ binary, nodes: [...masters, ...replicas], from, to, slots });
    const healedAt = now();
    if ((await slotsOf(from)) !== 0) throw new DidNotHappen('the master still has slots');
    if (topics === 0) throw new DidNotHappen('no topic was in the slots that moved');
    const followed = (await subscriptions()) - before;
    const took = ((healedAt - brokenAt) / 1000).toFixed(1);
    return {
      proof: `${slots} slots with ${keys} keys and ${topics} topics moved in ${took} s, and edges subscribed ${followed} times anew`,
      brokenAt,
      healedAt,
      broken: followed < topics ? [`edges followed only ${followed} times for ${topics} topics that moved`] : [],
    };
  },
};

/** What each of four masters has. */
const SHARE = 4096;

export const clusterResize: Fault = {
  name: 'cluster-resize',
  proves:
    'A node joins a Cluster, gets its share of the slots, gives them back and leaves, all under load: every edge listens ' +
    'to it while it serves something, and nothing is lost.',
  quick: false,
  on: ['cluster'],
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, until, log }) => {
    const { databases, edges } = installation;
    const { binary, masters, replicas, startAnother } = databases;
    const [first] = masters;
    if (first === undefined) throw new Error('a Cluster has a master');
    const nodes = [...masters, ...replicas];
    const newcomer = await startAnother();
    const label = `server="127.0.0.1:${newcomer.port}"`;
    const listening = async () => {
      const each = edges.map(({ url }) => readMetric(url, 'server_silence_seconds', label).catch(() => null));
      return (await Promise.all(each)).filter((silence) => silence !== null).length;
    };
    const brokenAt = now();
    await joinCluster(nodes, newcomer);
    await reshard({ binary, nodes: [...nodes, newcomer], from: 'all', to: newcomer, slots: SHARE });
    const [slots, keys] = [await slotsOf(newcomer), Number(await newcomer.ask('DBSIZE'))];
    if (slots === 0 || keys === 0) throw new DidNotHappen('the new node got no slots, or no keys with them');
    await until('every edge listens to the new node', async () => (await listening()) === edges.length);
    log(`the new node serves ${slots} slots; taking them from it again`);
    await reshard({ binary, nodes: [...nodes, newcomer], from: newcomer, to: first, slots });
    const id = await nodeId(newcomer);
    await newcomer.crash();
    await askEach(nodes, 'CLUSTER', 'FORGET', id);
    const healedAt = now();
    await until('no edge listens to it any more', async () => (await listening()) === 0);
    const proof = `a node joined, served ${slots} slots with ${keys} keys, and left again`;
    return { proof, brokenAt, healedAt };
  },
};

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
