import { randomUUID } from 'node:crypto';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { slotOf } from '@holdfast/redis/slots';
import { isRefusedByMove } from '@holdfast/redis/unavailable';
import { slotMove, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, someone, stateOf } from '../testing/brokers.ts';
import { type TestEvents, testEvents } from '../testing/events.ts';
import { KnownCluster, brokersOf } from '../testing/known-cluster.ts';
import { webhookBroker } from './webhook-broker.ts';

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

/** The move of the slot of a key to another node. */
function moveOf(key: string) {
  const slot = slotOf(key);
  const from = cluster.nodes.find(({ port }) => nodes.addressOf(slot) === `127.0.0.1:${port}`);
  const to = cluster.nodes.find((node) => node !== from);
  if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
  const others = cluster.nodes.filter((node) => node !== from && node !== to);
  return slotMove(slot, from, to, others);
}

/** Brokers of an installation that has a client and a topic, with logs, and wants events from then on. */
async function installation() {
  const own = brokersOf(nodes);
  const { commands, prefix, control, edge } = own;
  const webhooks = webhookBroker(commands, prefix);
  const client = someone();
  const topic = randomUUID();
  await control.register(client, null);
  await control.publishToClient(client.clientId, Buffer.from('1'));
  await control.putTopic(topic, {});
  await control.publish(topic, Buffer.from('1'));
  await webhooks.keepWanted(ALL);
  await Promise.all([control.refreshEvents(), edge.refreshEvents()]);
  return { ...own, webhooks, topic, clientId: client.clientId, written: testEvents(commands, own) };
}

describe('while a slot moves of which no event was ever written', () => {
  test('a client is claimed, published to and released', async () => {
    const { control, edge, keys, clientId, written } = await installation();
    const move = moveOf(keys.client(clientId));
    await move.begin();
    const generation = await connect(edge, clientId, 'e1');
    expect(await control.publishToClient(clientId, Buffer.from('2'))).toMatchObject({ kind: 'published' });
    await edge.release(clientId, 'e1', generation, 'closed');
    await move.moveKeys();
    await connect(edge, clientId, 'e2');
    await control.markOwnerGone(await stateOf(control, clientId));
    await move.end();
    expect(typesOf(await written.ofClient(clientId))).toEqual([
      'client.connected',
      'message.published',
      'client.disconnected',
      'client.connected',
      'client.disconnected',
    ]);
  });

  test('a topic is published to', async () => {
    const { control, keys, topic, written } = await installation();
    const move = moveOf(keys.topic(topic));
    await move.begin();
    expect(await control.publish(topic, Buffer.from('2'))).toMatchObject({ kind: 'published' });
    await move.moveKeys();
    expect(await control.publish(topic, Buffer.from('3'))).toMatchObject({ kind: 'published' });
    await move.end();
    expect(typesOf(await written.ofTopic(topic))).toEqual(['message.published', 'message.published']);
  });

  test('a client is registered as soon as the move is over: Redis lets no key be added beside one that is there', async () => {
    const { control, keys, written } = await installation();
    const client = someone();
    const move = moveOf(keys.client(client.clientId));
    await move.begin();
    const registered = control.register(client, null);
    await move.moveKeys();
    await move.end();
    expect(await registered).toBe('registered');
    expect(typesOf(await written.ofClient(client.clientId))).toEqual(['client.registered']);
  });

  test('a registration that is refused leaves the name free for another id', async () => {
    const { control, keys, written } = await installation();
    const client = { ...someone(), name: 'one' };
    const move = moveOf(keys.client(client.clientId));
    await move.begin();
    const failure = await control.register(client, null).catch((error: unknown) => error);
    expect(isRefusedByMove(failure)).toBe(true);
    const other = { ...client, clientId: someone().clientId };
    expect(await control.register(other, null)).toBe('registered');
    expect(typesOf(await written.ofClient(other.clientId))).toEqual(['client.registered']);
    await move.moveKeys();
    await move.end();
  });

  test('also where a node has lost its data since then, and the streams were looked at', async () => {
    const { commands, control, keys, webhooks, topic, written } = await installation();
    const { name, stream } = written.partitions.partitionOf(keys.topic(topic));
    await commands.del(stream);
    expect(await webhooks.endOf(name)).toEqual({ length: 0, bytes: 0, last: null });
    const move = moveOf(keys.topic(topic));
    await move.begin();
    expect(await control.publish(topic, Buffer.from('2'))).toMatchObject({ kind: 'published' });
    await move.moveKeys();
    await move.end();
  });
});

test('a stream outlives the trim of its last event, and none was ever in one that was created', async () => {
  const { commands, prefix, keys } = brokersOf(nodes);
  const webhooks = webhookBroker(commands, prefix);
  const { partition } = testEvents(commands, { ...its, keys }).partitions;
  expect(await commands.exists(partition(7).stream)).toBe(0);
  await webhooks.keepWanted({ 'topic.occupied': null });
  expect(await webhooks.endOf('7')).toEqual({ length: 0, bytes: 0, last: null });
  const position = await commands.xadd(partition(7).stream, '*', 't', 'topic.occupied', 'd', '{}');
  const beyond = { keep: 0, before: '0-0', lowestCursor: null };
  expect(await webhooks.trim('7', beyond)).toEqual({ removed: 1, missed: [] });
  expect(await commands.exists(partition(7).stream)).toBe(1);
  expect(await webhooks.endOf('7')).toEqual({ length: 0, bytes: 0, last: position });
});
