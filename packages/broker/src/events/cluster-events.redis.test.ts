import { randomUUID } from 'node:crypto';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { slotOf } from '@holdfast/redis/slots';
import { slotMove, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, someone, stateOf } from '../testing/brokers.ts';
import { type TestEvents, testEvents } from '../testing/events.ts';
import { KnownCluster, brokersOf } from '../testing/known-cluster.ts';

const START_MS = 60_000;
const ALL = Object.fromEntries(
  ['client.registered', 'client.unregistered', 'client.connected', 'client.disconnected']
    .concat(['topic.occupied', 'topic.vacated', 'topic.lost', 'member.joined', 'member.left', 'message.published'])
    .map((type) => [type, null]),
);

let cluster: RedisCluster;
let nodes: KnownCluster;
let its: ReturnType<typeof brokersOf>;
let events: TestEvents;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  nodes = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  its = brokersOf(nodes);
  events = testEvents(its.commands, its);
  await events.want(ALL);
}, START_MS);
afterAll(() => cluster.stop());

const typesOf = (all: readonly { type: string }[]) => all.map(({ type }) => type);

test('events of a client lie in its slot', async () => {
  const { control, edge, keys } = its;
  for (let count = 0; count < 20; count += 1) {
    const client = someone();
    const { clientId } = client;
    await control.register(client, null);
    await connect(edge, clientId, 'e1');
    await edge.release(clientId, 'e2', await connect(edge, clientId, 'e2'), 'closed');
    await connect(edge, clientId, 'e1');
    await control.markOwnerGone(await stateOf(control, clientId));
    await control.publishToClient(clientId, Buffer.from('1'));
    await control.unregister(clientId);
    expect(typesOf(await events.ofClient(clientId))).toEqual([
      'client.registered',
      'client.connected',
      'client.disconnected',
      'client.connected',
      'client.disconnected',
      'client.connected',
      'client.disconnected',
      'message.published',
      'client.unregistered',
    ]);
    const { name, stream } = events.partitions.partitionOf(keys.client(clientId));
    expect([slotOf(stream), Number(name)]).toEqual([slotOf(keys.client(clientId)), slotOf(keys.client(clientId))]);
  }
});

test('events of a topic lie in its slot', async () => {
  const { control, edge } = its;
  for (let count = 0; count < 20; count += 1) {
    const topic = randomUUID();
    const ann = { id: 'ann', info: null };
    await control.putTopic(topic, { presence: DEFAULT_PRESENCE });
    await control.publish(topic, Buffer.from('1'));
    await edge.changePresence(topic, 'e1', { sequence: 1, confirmed: 0, first: 1, joined: [ann], left: [] });
    await edge.changeOccupancy('e1', [topic], []);
    await edge.writeLosses('e1', [{ topic, connections: 1, after: '1-0', position: '2-0' }]);
    expect(typesOf(await events.ofTopic(topic))).toEqual([
      'message.published',
      'member.joined',
      'topic.occupied',
      'topic.lost',
    ]);
  }
});

test('a stream that is there keeps no call from its slot while that moves', async () => {
  const { control, edge, keys } = its;
  const client = someone();
  const { clientId } = client;
  const slot = slotOf(keys.client(clientId));
  const from = cluster.nodes.find(({ port }) => nodes.addressOf(slot) === `127.0.0.1:${port}`);
  const to = cluster.nodes.find((node) => node !== from);
  if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
  await control.register(client, null);
  const move = slotMove(
    slot,
    from,
    to,
    cluster.nodes.filter((node) => node !== from && node !== to),
  );
  await move.begin();
  const generation = await connect(edge, clientId, 'e1');
  await move.moveKeys();
  await edge.release(clientId, 'e1', generation, 'closed');
  await move.end();
  expect(typesOf(await events.ofClient(clientId))).toEqual([
    'client.registered',
    'client.connected',
    'client.disconnected',
  ]);
});
