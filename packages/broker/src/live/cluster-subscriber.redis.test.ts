import { randomUUID } from 'node:crypto';
import { askRedis } from '@holdfast/local/ask-redis';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { moveSlot, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { liveSubscriber } from './subscriber.ts';
import { enableKeyspaceEvents } from './keyspace-events.ts';
import { slotOf } from '@holdfast/redis/slots';
import { KnownCluster, brokersOf } from '../testing/known-cluster.ts';

const START_MS = 60_000;
/** Longer than an ear that lost channels waits before it looks which. */
const PAST_MENDING = { timeoutMs: 15_000 };

let cluster: RedisCluster;
let nodes: KnownCluster;
let its: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  nodes = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  its = brokersOf(nodes);
}, START_MS);
afterAll(() => cluster.stop());

/** An ear with all that it was told, in order. */
async function listen(known?: KnownCluster) {
  const map = known ?? (await KnownCluster.open(cluster.nodes[0]?.url ?? ''));
  const id = randomUUID();
  const events: string[] = [];
  const ear = liveSubscriber({ kind: 'cluster', topology: map }, its.keys, id, {
    onTopic: (topic, payload) =>
      events.push(`${topic} ${payload.kind === 'message' ? String(payload.data) : payload.kind}`),
    onOwn: (payload) => events.push(payload.kind === 'canary' ? `own ${payload.nonce}` : `own ${payload.kind}`),
    onWakeUp: () => events.push('doorbell'),
    onSubscribed: (topics) => events.push(...topics.map((topic) => `hearing ${topic}`)),
    onDisconnected: () => events.push('deaf'),
  });
  onTestFinished(ear.start());
  const counted = (event: string) => events.filter((candidate) => candidate === event).length;
  return {
    id,
    ear,
    map,
    events,
    counted,
    hears: async (...topics: string[]) => {
      for (const topic of topics) ear.subscribe(topic);
      await eventually(() => expect(topics.filter((topic) => counted(`hearing ${topic}`) === 0)).toEqual([]));
    },
  };
}

const someTopics = (count: number) => Array.from({ length: count }, () => randomUUID());
const nodeAt = (address: string | undefined) => cluster.nodes.find(({ port }) => address === `127.0.0.1:${port}`);
const say = (topic: string, text: string) => its.commands.spublish(its.keys.topicLive(topic), `1-0 2-0 ${text}`);

/** Where a key is, where it could be, and the others. */
function placeOf(key: string) {
  const slot = slotOf(key);
  const from = nodeAt(nodes.addressOf(slot));
  const to = cluster.nodes.find((node) => node !== from);
  if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
  return { slot, from, to, others: cluster.nodes.filter((node) => node !== from && node !== to) };
}

/** Moves the slot of a key for everybody but the ear under test. */
async function moveAway(key: string) {
  const { slot, from, to, others } = placeOf(key);
  await moveSlot(slot, from, to, others);
  await nodes.refresh();
  return { slot, from, to, others };
}

/** How many connections hear a topic at each of the nodes, fewest first. */
async function listeners(topic: string): Promise<number[]> {
  const counts = await Promise.all(
    cluster.nodes.map(({ url }) => askRedis(url, 'PUBSUB', 'SHARDNUMSUB', its.keys.topicLive(topic))),
  );
  return counts.map((count) => Number((count as unknown[])[1])).toSorted((a, b) => a - b);
}

async function subscriberConnections(): Promise<number[]> {
  const lists = cluster.nodes.map(({ url }) => askRedis(url, 'CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return (await Promise.all(lists)).map((list) => String(list).split('\n').filter(Boolean).length);
}

describe('an ear at a Cluster', () => {
  test('hears every topic where its slot is, by one connection to each master', async () => {
    const before = await subscriberConnections();
    const { hears, events } = await listen();
    const topics = someTopics(300);
    await hears(...topics);
    expect(await subscriberConnections()).toEqual(before.map((count) => count + 1));
    await Promise.all(topics.map((topic) => say(topic, 'x')));
    await eventually(() => expect(topics.filter((topic) => !events.includes(`${topic} x`))).toEqual([]));
    expect(new Set(topics.map((topic) => nodes.addressOf(slotOf(its.keys.topicLive(topic))))).size).toBe(3);
  });

  test('is one listener of a topic, on one node, and none of a topic that it does not want', async () => {
    const [wanted = '', unwanted = ''] = someTopics(2);
    const one = await listen();
    const other = await listen();
    await one.hears(wanted);
    await other.hears(wanted);
    expect(await listeners(wanted)).toEqual([0, 0, 2]);
    expect(await say(wanted, 'x')).toBe(2);
    expect(await listeners(unwanted)).toEqual([0, 0, 0]);
    expect(await say(unwanted, 'x')).toBe(0);
    other.ear.unsubscribe(wanted);
    await eventually(async () => expect(await listeners(wanted)).toEqual([0, 0, 1]));
  });

  test('hears its own channel, and its wake-ups from the node that has its dirty set', async () => {
    for (const master of cluster.nodes) {
      const address = `127.0.0.1:${master.port}`;
      expect(await enableKeyspaceEvents(await nodes.redirected(address))).toBeNull();
    }
    // The dirty sets of so many are not all on one node.
    const ears = await Promise.all(Array.from({ length: 8 }, () => listen()));
    expect(new Set(ears.map(({ id }) => nodes.addressOf(slotOf(its.keys.edgeDirty(id))))).size).toBeGreaterThan(1);
    for (const { id, counted } of ears) {
      await eventually(() => expect(counted('doorbell')).toBeGreaterThan(0));
      const rung = counted('doorbell');
      await its.edge.notify([id], 'a');
      await eventually(() => expect(counted('doorbell')).toBeGreaterThan(rung));
      await eventually(async () => expect(await its.edge.sendProbe(id, 'n')).toBe(1));
      await eventually(() => expect(counted('own n')).toBeGreaterThan(0));
    }
  });

  test('can be spoken to through each master', async () => {
    const { ear, events } = await listen();
    expect(
      ear
        .servers()
        .map(({ server }) => server)
        .toSorted(),
    ).toEqual([...nodes.masters].toSorted());
    for (const { server, name } of ear.servers()) {
      expect(nodes.addressOf(slotOf(its.keys.edgeLive(name)))).toBe(server);
      await eventually(async () => expect(await its.edge.sendProbe(name, server)).toBe(1));
      await eventually(() => expect(events).toContain(`own ${server}`));
    }
  });

  test('answers the questions that are asked on topics and of the edge', async () => {
    const { id, hears, events } = await listen();
    const [topic = ''] = someTopics(1);
    await hears(topic);
    expect(await its.control.surveySubscribers(topic)).toBeUndefined();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'n')).toBe(1));
    expect(await its.control.surveyServed(id, randomUUID())).toBeUndefined();
    expect(events).toEqual(expect.arrayContaining([`${topic} count`, 'own served']));
  });

  test('whose connection to one master is lost hears that master’s topics anew, and no others', async () => {
    const { hears, events, map, counted } = await listen();
    const topics = someTopics(30);
    await hears(...topics);
    const [address = '', subscriber] = [...map.subscribers][1] ?? [];
    const itsTopics = topics.filter((topic) => map.addressOf(slotOf(its.keys.topicLive(topic))) === address);
    subscriber?.disconnect(true);
    await eventually(() => expect(itsTopics.filter((topic) => counted(`hearing ${topic}`) !== 2)).toEqual([]));
    expect(counted('deaf')).toBe(1);
    expect(topics.filter((topic) => counted(`hearing ${topic}`) === 2).toSorted()).toEqual(itsTopics.toSorted());
    expect(events.length).toBeGreaterThan(0);
  });
});

describe('when a slot moves', () => {
  test('its topics are heard anew at the new place once that is known, and no others', async () => {
    const { hears, map, counted, events } = await listen();
    const topics = someTopics(20);
    await hears(...topics);
    const [topic = '', ...others] = topics;
    const refreshesAsked = map.refreshesAsked;
    await moveAway(its.keys.topicLive(topic));
    // The old place takes the channel away, and that is a hint.
    await eventually(() => expect(map.refreshesAsked).toBeGreaterThan(refreshesAsked));
    await map.refresh();
    await eventually(() => expect(counted(`hearing ${topic}`)).toBe(2));
    await say(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(others.filter((other) => counted(`hearing ${other}`) !== 1)).toEqual([]);
    expect(await listeners(topic)).toEqual([0, 0, 1]);
  });

  test('there and back again, its topics are heard anew each time', async () => {
    const { hears, map, counted, events } = await listen();
    const [topic = ''] = someTopics(1);
    await hears(topic);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    await map.refresh();
    await eventually(() => expect(counted(`hearing ${topic}`)).toBe(2));
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    await map.refresh();
    await eventually(() => expect(counted(`hearing ${topic}`)).toBe(3));
    await say(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
  });

  test('and comes back before anybody looks, its topics are heard anew where they were', async () => {
    const { hears, map, counted, events } = await listen();
    const [topic = '', other = ''] = someTopics(2);
    await hears(topic, other);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    expect(await say(topic, 'unheard')).toBe(0);
    await eventually(async () => {
      await map.refresh();
      expect(counted(`hearing ${topic}`)).toBe(2);
    }, PAST_MENDING);
    await say(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(counted(`hearing ${other}`)).toBe(1);
  });

  test('a topic that is wanted meanwhile is refused at the old place, and heard once the new one is known', async () => {
    const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
    const { ear, counted, events } = await listen(known);
    const [topic = ''] = someTopics(1);
    await moveAway(its.keys.topicLive(topic));
    const before = known.refreshesAsked;
    ear.subscribe(topic);
    await eventually(() => expect(known.refreshesAsked).toBeGreaterThan(before));
    expect(counted(`hearing ${topic}`)).toBe(0);
    await known.refresh();
    await eventually(() => expect(counted(`hearing ${topic}`)).toBe(1));
    await say(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(counted('deaf')).toBe(0);
  });

  test('a topic that was refused is asked for again, also where the map was right', async () => {
    const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
    const { ear, counted } = await listen(known);
    const [topic = ''] = someTopics(1);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    ear.subscribe(topic);
    await eventually(() => expect(known.refreshesAsked).toBeGreaterThan(0));
    // By the time of the look the slot is where the map always had it.
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    await known.refresh();
    await eventually(() => expect(counted(`hearing ${topic}`)).toBe(1));
  });

  test('of the edge’s own names, it is spoken to and rung at the new place', async () => {
    const { id, map, counted, ear } = await listen();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'before')).toBe(1));
    await moveAway(its.keys.edgeLive(id));
    await map.refresh();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'after')).toBe(1));
    await eventually(() => expect(counted('own after')).toBe(1));
    const rung = counted('doorbell');
    await its.edge.notify([id], 'a');
    await eventually(() => expect(counted('doorbell')).toBeGreaterThan(rung));
    for (const { server, name } of ear.servers()) {
      expect(map.addressOf(slotOf(its.keys.edgeLive(name)))).toBe(server);
      await eventually(async () => expect(await its.edge.sendProbe(name, 'n')).toBe(1));
    }
  });

  test('what is no longer wanted is not heard there', async () => {
    const { hears, ear, map, events } = await listen();
    const [topic = '', other = ''] = someTopics(2);
    await hears(topic, other);
    await moveAway(its.keys.topicLive(topic));
    ear.unsubscribe(topic);
    await map.refresh();
    await say(topic, 'x');
    await say(other, 'y');
    await eventually(() => expect(events).toContain(`${other} y`));
    expect(events).not.toContain(`${topic} x`);
    await eventually(async () => expect(await listeners(topic)).toEqual([0, 0, 0]));
  });
});

test('an ear that does not know of a master yet hears its topics once it does', async () => {
  const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  const [topic = ''] = someTopics(1);
  const slot = slotOf(its.keys.topicLive(topic));
  known.forget(slot);
  const { ear, counted } = await listen(known);
  ear.subscribe(topic);
  await known.refresh();
  await eventually(() => expect(counted(`hearing ${topic}`)).toBe(1));
});

test('an ear that is stopped has no connection left', async () => {
  const before = await subscriberConnections();
  const map = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  const ear = liveSubscriber({ kind: 'cluster', topology: map }, its.keys, randomUUID(), {
    onTopic: () => undefined,
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: () => undefined,
    onDisconnected: () => undefined,
  });
  const stop = ear.start();
  await eventually(async () => expect(await subscriberConnections()).toEqual(before.map((count) => count + 1)));
  stop();
  await eventually(async () => expect(await subscriberConnections()).toEqual(before));
});
