import { randomUUID } from 'node:crypto';
import { askRedis, redisInfo } from '@holdfast/local/ask-redis';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { moveSlot, slotMove, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyCall, withoutTimes } from './testing/every-call.ts';
import { slotOf } from '@holdfast/redis/slots';
import { openBroker, someone, stateOf } from './testing/brokers.ts';
import { KnownCluster, brokersOf } from './testing/known-cluster.ts';

const START_MS = 60_000;

let cluster: RedisCluster;
let nodes: KnownCluster;
let its: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  nodes = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  its = brokersOf(nodes);
}, START_MS);
afterAll(() => cluster.stop());

/** The node that serves a key, and another one. */
function placeOf(key: string) {
  const slot = slotOf(key);
  const from = cluster.nodes.find(({ port }) => nodes.addressOf(slot) === `127.0.0.1:${port}`);
  const to = cluster.nodes.find((node) => node !== from);
  if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
  return { slot, from, to, others: cluster.nodes.filter((node) => node !== from && node !== to) };
}

async function someTopic(history = {}) {
  const topic = randomUUID();
  await its.control.putTopic(topic, history);
  return { topic, ...placeOf(its.keys.topic(topic)) };
}

const published = async (topic: string, text: string, key?: string) => {
  const outcome = await its.control.publish(topic, Buffer.from(text), key);
  if (!('id' in outcome)) throw new Error(`no message of ${topic}: ${outcome.kind}`);
  return outcome;
};
const logOf = async (topic: string) =>
  (await its.edge.readLog(topic, null, 100))?.entries.map(({ data }) => String(data));

/** How often the nodes have read from a socket. */
async function reads(): Promise<number> {
  const each = cluster.nodes.map(async ({ url }) => Number(await redisInfo(url, 'total_reads_processed')));
  return (await Promise.all(each)).reduce((sum, count) => sum + count, 0);
}

test('slots are counted as Redis counts them', async () => {
  const url = cluster.nodes[0]?.url ?? '';
  for (const key of ['a', 'hf:topic:{a.b}:log', 'x{}y', '{ü}', 'hf:topics', `hf:client:{${randomUUID()}}`]) {
    expect(slotOf(key)).toBe(await askRedis(url, 'CLUSTER', 'KEYSLOT', key));
  }
});

describe('on a Cluster', () => {
  test('every call gives what it gives on one Redis', async () => {
    const one = await openBroker();
    const results: Record<string, string>[] = [];
    for (const brokers of [one, its]) {
      const found: Record<string, string> = {};
      for (const [name, call] of Object.entries(everyCall(brokers))) found[name] = withoutTimes((await call()) ?? null);
      results.push(found);
    }
    expect(results[1]).toEqual(results[0]);
  });

  test('every call works with a map that is wrong in every slot, and nothing is done twice', async () => {
    const lost = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
    const addresses = [...lost.masters];
    for (let slot = 0; slot < 16_384; slot += 1) {
      const wrong = addresses[(addresses.indexOf(lost.addressOf(slot) ?? '') + 1) % addresses.length];
      lost.moved(slot, wrong ?? '');
    }
    const brokers = brokersOf(lost);
    for (const call of Object.values(everyCall(brokers))) await call();
    expect(lost.redirects.length).toBeGreaterThan(5);
    const topic = randomUUID();
    await brokers.control.putTopic(topic, {});
    const owner = nodes.addressOf(slotOf(brokers.keys.topic(topic)));
    lost.moved(slotOf(brokers.keys.topic(topic)), addresses.find((address) => address !== owner) ?? '');
    await brokers.control.publish(topic, Buffer.from('1'));
    expect((await brokers.edge.readLog(topic, null, 10))?.entries).toHaveLength(1);
  });

  test('scripts that one node has forgotten are loaded there', async () => {
    const topics = await Promise.all(Array.from({ length: 30 }, () => someTopic()));
    await askRedis(cluster.nodes[1]?.url ?? '', 'SCRIPT', 'FLUSH', 'SYNC');
    const outcomes = await Promise.all(topics.map(({ topic }) => published(topic, '1')));
    expect(outcomes.map(({ kind }) => kind)).toEqual(topics.map(() => 'published'));
  });

  test('what is asked in one moment shares a pipeline to each node', async () => {
    const topics = await Promise.all(Array.from({ length: 300 }, () => someTopic()));
    const before = await reads();
    await Promise.all(topics.map(({ topic }) => published(topic, '1')));
    // Asking for the counts costs some reads as well.
    expect((await reads()) - before).toBeLessThan(60);
  });

  test('one topic costs one node, and topics are spread over all', async () => {
    const topics = await Promise.all(Array.from({ length: 60 }, () => someTopic()));
    expect(new Set(topics.map(({ from }) => from.port))).toEqual(new Set(cluster.nodes.map(({ port }) => port)));
  });
});

describe('while a slot moves', () => {
  test('what is published in between waits until its keys are in one place, and is there once, in order', async () => {
    const { topic, slot, from, to, others } = await someTopic();
    await published(topic, '1');
    const move = slotMove(slot, from, to, others);
    await move.begin();
    await move.moveKeys(its.keys.topic(topic));
    let isDone = false;
    const under = published(topic, '2').finally(() => (isDone = true));
    // Half of the keys are here, half are there: neither node runs the script.
    await published((await someTopic()).topic, 'x');
    expect(isDone).toBe(false);
    await move.moveKeys();
    await move.end();
    expect((await under).kind).toBe('published');
    await published(topic, '3');
    expect(await logOf(topic)).toEqual(['1', '2', '3']);
  });

  test('clients of that slot are claimed together, whether their keys have gone ahead, stayed, or never were', async () => {
    const first = randomUUID();
    const { slot, from, to, others } = placeOf(its.keys.client(first));
    const inSlot = (): string => {
      for (;;) {
        const clientId = randomUUID();
        if (slotOf(its.keys.client(clientId)) === slot) return clientId;
      }
    };
    const [second, unknown] = [inSlot(), inSlot()];
    const register = (clientId: string) =>
      its.control.register({ clientId, key: 'k', name: null, registeredAt: 1, topics: new Map() }, null);
    await register(first);
    const move = slotMove(slot, from, to, others);
    await move.begin();
    await move.moveKeys();
    await register(second);
    const claims = [first, second, unknown].map((clientId) => its.edge.claim({ clientId, edge: 'e' }));
    expect((await Promise.all(claims)).map(({ kind }) => kind)).toEqual(['claimed', 'claimed', 'not-found']);
    await move.end();
  });

  test('a client whose key has gone ahead is asked for there', async () => {
    const clientId = randomUUID();
    await its.control.register(someone({ clientId }), null);
    const { slot, from, to, others } = placeOf(its.keys.client(clientId));
    const move = slotMove(slot, from, to, others);
    await move.begin();
    await move.moveKeys();
    expect(await its.edge.claim({ clientId, edge: 'e' })).toMatchObject({ kind: 'claimed' });
    expect(await its.control.readClient(clientId)).toMatchObject({ owner: { edge: 'e' } });
    // Scripts that the node there does not know are loaded on the way.
    await askRedis(to.url, 'SCRIPT', 'FLUSH', 'SYNC');
    expect(await its.control.disconnect(clientId)).toEqual({ connected: true });
    await move.end();
    const client = await stateOf(its.control, clientId);
    expect(client.owner?.generation).toBeGreaterThan(0);
    expect(client.disconnectUpTo).toBe(client.owner?.generation);
  });

  test('topics that have a log are published to, though no key has moved yet, or while others go ahead', async () => {
    const { topic, slot, from, to, others } = await someTopic();
    await published(topic, '1');
    const move = slotMove(slot, from, to, others);
    await move.begin();
    expect((await published(topic, '2')).kind).toBe('published');
    const several = ['3', '4'].map((text) => ({ data: Buffer.from(text) }));
    expect(await its.control.publishAll(topic, several)).toMatchObject([{ kind: 'published' }, { kind: 'published' }]);
    expect(await logOf(topic)).toEqual(['1', '2', '3', '4']);
    await move.moveKeys();
    // All of its keys are at the new node, though the slot is not yet.
    expect((await published(topic, '5')).kind).toBe('published');
    await move.end();
    expect(await logOf(topic)).toEqual(['1', '2', '3', '4', '5']);
  });

  test('of many calls that go out together, those whose slot has moved are led on, and the others are not repeated', async () => {
    const topics = await Promise.all(Array.from({ length: 60 }, () => someTopic()));
    const [moving, ...staying] = topics;
    if (moving === undefined) throw new Error('there are topics');
    await moveSlot(moving.slot, moving.from, moving.to, moving.others);
    await Promise.all(topics.map(({ topic }) => published(topic, '1')));
    expect(await logOf(moving.topic)).toEqual(['1']);
    for (const { topic } of staying) expect(await logOf(topic)).toEqual(['1']);
  });

  test('an idempotency key goes along', async () => {
    const { topic, slot, from, to, others } = await someTopic();
    const { id } = await published(topic, '1', 'key');
    await moveSlot(slot, from, to, others);
    expect(await published(topic, '1', 'key')).toEqual({ kind: 'repeated', id });
  });

  test('a slot that stays half moved is given up after a while, as unavailable', async () => {
    const { topic, slot, from, to, others } = await someTopic();
    const move = slotMove(slot, from, to, others);
    await move.begin();
    await expect(published(topic, '1')).rejects.toMatchObject({ code: 'redis-unavailable' });
    await move.moveKeys();
    await move.end();
    expect((await published(topic, '2')).kind).toBe('published');
  });
});

test('a slot that no node serves makes its calls unavailable, and no others', async () => {
  const { topic, slot } = await someTopic();
  let other = await someTopic();
  while (other.slot === slot) other = await someTopic();
  const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  known.moved(slot, '');
  const brokers = brokersOf(known);
  await expect(brokers.control.publish(topic, Buffer.from('1'))).rejects.toMatchObject({
    code: 'redis-unavailable',
    message: expect.stringContaining(`no node of the Cluster serves slot ${slot}`) as string,
  });
  expect(await brokers.control.publish(other.topic, Buffer.from('1'))).toEqual({ kind: 'not-found' });
});
