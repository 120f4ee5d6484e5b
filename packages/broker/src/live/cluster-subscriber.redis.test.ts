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
/** Longer than a subscriber that lost channels waits before it looks which. */
const PAST_MENDING = { timeoutMs: 45_000 };

let cluster: RedisCluster;
let nodes: KnownCluster;
let its: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  nodes = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  its = brokersOf(nodes);
}, START_MS);
afterAll(() => cluster.stop());

/** A subscriber with all that it reported, in order. */
async function listen(known?: KnownCluster, id: string = randomUUID()) {
  const map = known ?? (await KnownCluster.open(cluster.nodes[0]?.url ?? ''));
  const events: string[] = [];
  const subscriber = liveSubscriber({ kind: 'cluster', topology: map }, its.keys, id, {
    onTopic: (topic, payload) =>
      events.push(`${topic} ${payload.kind === 'message' ? String(payload.data) : payload.kind}`),
    onOwn: (payload) => events.push(payload.kind === 'probe' ? `own ${payload.nonce}` : `own ${payload.kind}`),
    onWakeUp: () => events.push('wake-up'),
    onSubscribed: (topics) => events.push(...topics.map((topic) => `subscribed ${topic}`)),
    onDisconnected: () => events.push('disconnected'),
  });
  onTestFinished(subscriber.start());
  const counted = (event: string) => events.filter((candidate) => candidate === event).length;
  return {
    id,
    subscriber,
    map,
    events,
    counted,
    subscribe: async (...topics: string[]) => {
      for (const topic of topics) subscriber.subscribe(topic);
      await eventually(() => expect(topics.filter((topic) => counted(`subscribed ${topic}`) === 0)).toEqual([]));
    },
  };
}

const slotOfTopic = (topic: string) => slotOf(its.keys.topicLive(topic));

/** Topics of which each has a slot of its own: one that moves takes no other with it. */
function someTopics(count: number): string[] {
  const bySlot = new Map<number, string>();
  while (bySlot.size < count) {
    const topic = randomUUID();
    bySlot.set(slotOfTopic(topic), topic);
  }
  return [...bySlot.values()];
}

/** The id of an edge whose dirty set is on this node. */
function edgeOn(address: string): string {
  for (;;) {
    const id = randomUUID();
    if (nodes.addressOf(slotOf(its.keys.edgeDirty(id))) === address) return id;
  }
}

const nodeAt = (address: string | undefined) => cluster.nodes.find(({ port }) => address === `127.0.0.1:${port}`);
const publishLive = (topic: string, text: string) =>
  its.commands.spublish(its.keys.topicLive(topic), `1-0 2-0 ${text}`);

/** Where a key is, where it could be, and the others. */
function placeOf(key: string) {
  const slot = slotOf(key);
  const from = nodeAt(nodes.addressOf(slot));
  const to = cluster.nodes.find((node) => node !== from);
  if (from === undefined || to === undefined) throw new Error('a Cluster has three masters');
  return { slot, from, to, others: cluster.nodes.filter((node) => node !== from && node !== to) };
}

/** Moves the slot of a key for every connection but the subscriber under test. */
async function moveAway(key: string) {
  const { slot, from, to, others } = placeOf(key);
  await moveSlot(slot, from, to, others);
  await nodes.refresh();
  return { slot, from, to, others };
}

/** How many connections are subscribed to a topic at each of the nodes, fewest first. */
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

describe('a subscriber at a Cluster', () => {
  test('receives every topic where its slot is, by one connection to each master', async () => {
    const before = [0, 0, 0];
    await eventually(async () => expect(await subscriberConnections()).toEqual(before));
    const { subscribe, events } = await listen();
    const topics = someTopics(300);
    await subscribe(...topics);
    expect(await subscriberConnections()).toEqual(before.map((count) => count + 1));
    await Promise.all(topics.map((topic) => publishLive(topic, 'x')));
    await eventually(() => expect(topics.filter((topic) => !events.includes(`${topic} x`))).toEqual([]));
    expect(new Set(topics.map((topic) => nodes.addressOf(slotOf(its.keys.topicLive(topic))))).size).toBe(3);
  });

  test('is one listener of a topic, on one node, and none of a topic that it is not subscribed to', async () => {
    const [wanted = '', unused = ''] = someTopics(2);
    const one = await listen();
    const other = await listen();
    await one.subscribe(wanted);
    await other.subscribe(wanted);
    expect(await listeners(wanted)).toEqual([0, 0, 2]);
    expect(await publishLive(wanted, 'x')).toBe(2);
    expect(await listeners(unused)).toEqual([0, 0, 0]);
    expect(await publishLive(unused, 'x')).toBe(0);
    other.subscriber.unsubscribe(wanted);
    await eventually(async () => expect(await listeners(wanted)).toEqual([0, 0, 1]));
  });

  test('receives its own channel, and its wake-ups from the node that has its dirty set', async () => {
    const addresses = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`);
    for (const address of addresses) expect(await enableKeyspaceEvents(await nodes.redirected(address))).toBeNull();
    const subscribers = await Promise.all(addresses.map((address) => listen(undefined, edgeOn(address))));
    for (const { id, counted } of subscribers) {
      await eventually(() => expect(counted('wake-up')).toBeGreaterThan(0));
      const before = counted('wake-up');
      await its.edge.notify([id], 'a');
      await eventually(() => expect(counted('wake-up')).toBeGreaterThan(before));
      await eventually(async () => expect(await its.edge.sendProbe(id, 'n')).toBe(1));
      await eventually(() => expect(counted('own n')).toBeGreaterThan(0));
    }
  });

  test('can be reached through each master', async () => {
    const { subscriber, events } = await listen();
    expect(
      subscriber
        .servers()
        .map(({ server }) => server)
        .toSorted(),
    ).toEqual([...nodes.masters].toSorted());
    for (const { server, name } of subscriber.servers()) {
      expect(nodes.addressOf(slotOf(its.keys.edgeLive(name)))).toBe(server);
      await eventually(async () => expect(await its.edge.sendProbe(name, server)).toBe(1));
      await eventually(() => expect(events).toContain(`own ${server}`));
    }
  });

  test('receives the surveys of topics and of the edge', async () => {
    const { id, subscribe, events } = await listen();
    const [topic = ''] = someTopics(1);
    await subscribe(topic);
    expect(await its.control.surveySubscribers(topic)).toBeUndefined();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'n')).toBe(1));
    expect(await its.control.surveyServed(id, randomUUID())).toBeUndefined();
    expect(events).toEqual(expect.arrayContaining([`${topic} count`, 'own served']));
  });

  test('whose connection to one master is lost subscribes to that master’s topics anew, and to no others', async () => {
    const { subscribe, events, map, counted } = await listen();
    const topics = someTopics(30);
    await subscribe(...topics);
    const [address = '', subscriber] = [...map.subscribers][1] ?? [];
    const itsTopics = topics.filter((topic) => map.addressOf(slotOf(its.keys.topicLive(topic))) === address);
    subscriber?.disconnect(true);
    await eventually(() => expect(itsTopics.filter((topic) => counted(`subscribed ${topic}`) !== 2)).toEqual([]));
    expect(counted('disconnected')).toBe(1);
    expect(topics.filter((topic) => counted(`subscribed ${topic}`) === 2).toSorted()).toEqual(itsTopics.toSorted());
    expect(events.length).toBeGreaterThan(0);
  });
});

describe('when a slot moves', () => {
  test('its topics are subscribed to anew at the new place once that is known, and no others', async () => {
    const { subscribe, map, counted, events } = await listen();
    const topics = someTopics(20);
    await subscribe(...topics);
    const [topic = '', ...others] = topics;
    const refreshesAsked = map.refreshesAsked;
    await moveAway(its.keys.topicLive(topic));
    // The old place takes the channel away, and that is a hint.
    await eventually(() => expect(map.refreshesAsked).toBeGreaterThan(refreshesAsked));
    await map.refresh();
    await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(2));
    await publishLive(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(others.filter((other) => counted(`subscribed ${other}`) !== 1)).toEqual([]);
    expect(await listeners(topic)).toEqual([0, 0, 1]);
  });

  test('there and back again, its topics are subscribed to anew each time', async () => {
    const { subscribe, map, counted, events } = await listen();
    const [topic = ''] = someTopics(1);
    await subscribe(topic);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    await map.refresh();
    await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(2));
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    await map.refresh();
    await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(3));
    await publishLive(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
  });

  test('and comes back before the map is refreshed, its topics are subscribed to anew where they were', async () => {
    const { subscribe, map, counted, events } = await listen();
    const [topic = '', other = ''] = someTopics(2);
    await subscribe(topic, other);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    const before = counted(`subscribed ${topic}`);
    const received = Number(await publishLive(topic, 'missed'));
    // On a busy machine it may be mended already, or be so meanwhile: that is confirmed on another connection.
    await eventually(() => expect([before, counted(`subscribed ${topic}`)]).toContain(received + 1));
    await eventually(async () => {
      await map.refresh();
      expect(counted(`subscribed ${topic}`)).toBe(2);
    }, PAST_MENDING);
    await publishLive(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(counted(`subscribed ${other}`)).toBe(1);
  });

  test('a topic that is wanted meanwhile is refused at the old place, and subscribed to once the new one is known', async () => {
    const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
    const { subscriber, counted, events } = await listen(known);
    const [topic = ''] = someTopics(1);
    await moveAway(its.keys.topicLive(topic));
    const before = known.refreshesAsked;
    subscriber.subscribe(topic);
    await eventually(() => expect(known.refreshesAsked).toBeGreaterThan(before));
    expect(counted(`subscribed ${topic}`)).toBe(0);
    await known.refresh();
    await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
    await publishLive(topic, 'x');
    await eventually(() => expect(events).toContain(`${topic} x`));
    expect(counted('disconnected')).toBe(0);
  });

  test('a topic that was refused is asked for again, also where the map was right', async () => {
    const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
    const { subscriber, counted } = await listen(known);
    const [topic = ''] = someTopics(1);
    const { slot, from, to, others } = await moveAway(its.keys.topicLive(topic));
    subscriber.subscribe(topic);
    await eventually(() => expect(known.refreshesAsked).toBeGreaterThan(0));
    // By the time of the look the slot is where the map always had it.
    await moveSlot(slot, to, from, others);
    await nodes.refresh();
    await known.refresh();
    await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
  });

  test('of the edge’s own channels, probes and wake-ups arrive from the new place', async () => {
    const { id, map, counted, subscriber } = await listen();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'before')).toBe(1));
    await moveAway(its.keys.edgeLive(id));
    await map.refresh();
    await eventually(async () => expect(await its.edge.sendProbe(id, 'after')).toBe(1));
    await eventually(() => expect(counted('own after')).toBe(1));
    const before = counted('wake-up');
    await its.edge.notify([id], 'a');
    await eventually(() => expect(counted('wake-up')).toBeGreaterThan(before));
    for (const { server, name } of subscriber.servers()) {
      expect(map.addressOf(slotOf(its.keys.edgeLive(name)))).toBe(server);
      await eventually(async () => expect(await its.edge.sendProbe(name, 'n')).toBe(1));
    }
  });

  test('what is no longer wanted is not received there', async () => {
    const { subscribe, subscriber, map, events } = await listen();
    const [topic = '', other = ''] = someTopics(2);
    await subscribe(topic, other);
    await moveAway(its.keys.topicLive(topic));
    subscriber.unsubscribe(topic);
    await map.refresh();
    await publishLive(topic, 'x');
    await publishLive(other, 'y');
    await eventually(() => expect(events).toContain(`${other} y`));
    expect(events).not.toContain(`${topic} x`);
    await eventually(async () => expect(await listeners(topic)).toEqual([0, 0, 0]));
  });
});

test('a subscriber that does not know of a master yet subscribes to its topics once it does', async () => {
  const known = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  const [topic = ''] = someTopics(1);
  const slot = slotOf(its.keys.topicLive(topic));
  known.forget(slot);
  const { subscriber, counted } = await listen(known);
  subscriber.subscribe(topic);
  await known.refresh();
  await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
});

test('a subscriber that is stopped has no connection left', async () => {
  // Those of the tests before are stopped, and may be on their way out.
  const before = [0, 0, 0];
  await eventually(async () => expect(await subscriberConnections()).toEqual(before));
  const map = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  const subscriber = liveSubscriber({ kind: 'cluster', topology: map }, its.keys, randomUUID(), {
    onTopic: () => undefined,
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: () => undefined,
    onDisconnected: () => undefined,
  });
  const stop = subscriber.start();
  await eventually(async () => expect(await subscriberConnections()).toEqual(before.map((count) => count + 1)));
  stop();
  await eventually(async () => expect(await subscriberConnections()).toEqual(before));
});
