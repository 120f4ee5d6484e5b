import { joinCluster, nodeId } from '@holdfast/local/redis-cluster';
import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';
import { reshard, slotsOf } from '../installation/reshard.ts';
import { askEach } from '../installation/servers.ts';

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
  inject: async ({ installation, now, until, say }) => {
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
    say(`the new node serves ${slots} slots; taking them from it again`);
    await reshard({ binary, nodes: [...nodes, newcomer], from: newcomer, to: first, slots });
    const id = await nodeId(newcomer);
    await newcomer.kill();
    await askEach(nodes, 'CLUSTER', 'FORGET', id);
    const healedAt = now();
    await until('no edge listens to it any more', async () => (await listening()) === 0);
    const proof = `a node joined, served ${slots} slots with ${keys} keys, and left again`;
    return { proof, brokenAt, healedAt };
  },
};
