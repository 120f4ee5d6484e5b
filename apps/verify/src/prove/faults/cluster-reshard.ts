import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';
import { reshard, slotsOf } from '../installation/reshard.ts';

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
