import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll } from 'vitest';
import { enableKeyspaceEvents } from './live/keyspace-events.ts';
import { liveSubscriber } from './live/subscriber.ts';
import { openBroker, openRedis } from './testing/brokers.ts';
import { channelPromises } from './testing/channel-promises.ts';
import { type EdgeSide, controlSide, edgePromises } from './testing/edge-promises.ts';
import { KnownCluster, brokersOf } from './testing/known-cluster.ts';

const START_MS = 60_000;

const one = await openBroker();
await enableKeyspaceEvents(one.redis);
const listenOnOne: EdgeSide['listen'] = async (edge, listener) => {
  const subscriber = await openRedis('subscriber');
  return liveSubscriber({ kind: 'one', openSubscriber: () => subscriber }, one.keys, edge, listener);
};
edgePromises('one Redis', () => ({ edge: one.edge, control: controlSide(one.control), listen: listenOnOne }));
channelPromises('one Redis', () => ({ edge: one.edge, control: one.control, listen: listenOnOne }));

let cluster: RedisCluster;
let topology: KnownCluster;
let its: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  topology = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  its = brokersOf(topology);
  for (const address of topology.masters) await enableKeyspaceEvents(await topology.redirected(address));
}, START_MS);
afterAll(() => cluster.stop());

const listenOnCluster: EdgeSide['listen'] = async (edge, listener) =>
  liveSubscriber({ kind: 'cluster', topology }, its.keys, edge, listener);
edgePromises('a Cluster', () => ({ edge: its.edge, control: controlSide(its.control), listen: listenOnCluster }));
channelPromises('a Cluster', () => ({ edge: its.edge, control: its.control, listen: listenOnCluster }));
