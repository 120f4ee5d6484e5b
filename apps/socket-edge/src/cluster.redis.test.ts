import { randomUUID } from 'node:crypto';
import { askRedis } from '@holdfast/local/ask-redis';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { redisKeys } from '@holdfast/broker/keys';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { moveSlot, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix } from '@holdfast/testkit/redis';
import { openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ClusterControl, startClusterControl } from './testing/control.ts';
import { shownMembers } from './testing/shown-members.ts';
import { type ClusterEdgeOptions, startClusterEdge } from './testing/running-edge.ts';

const START_MS = 90_000;
/** A fail-over of a Cluster, and more. */
const FAILOVER = { timeoutMs: 25_000 };
function targetOf(cluster: RedisCluster): ClusterEdgeOptions['target'] {
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { kind: 'cluster', nodes, access: { database: 0, tls: false } };
}

/** A Cluster whose nodes publish no keyspace events until these are enabled. */
function startSilentCluster(replicas: number) {
  return startPrivateCluster({ replicas, args: ['--notify-keyspace-events', ''] });
}

async function eventsAt(url: string): Promise<string> {
  return String(((await askRedis(url, 'CONFIG', 'GET', 'notify-keyspace-events')) as string[])[1]);
}

/** Up to where a node has written, or has received of its master. */
async function offsetAt(url: string): Promise<number> {
  const info = String(await askRedis(url, 'INFO', 'replication'));
  return Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1]);
}

describe('edges on a Cluster', () => {
  const mine = prefix();
  let cluster: RedisCluster;
  let control: ClusterControl;
  beforeAll(async () => {
    cluster = await startSilentCluster(0);
    control = await startClusterControl(targetOf(cluster), mine);
  }, START_MS);
  afterAll(async () => {
    await control.stop();
    await cluster.stop();
  });

  async function startEdge() {
    const edge = await startClusterEdge({ target: targetOf(cluster), prefix: mine });
    onTestFinished(() => edge.stop());
    return edge;
  }

  async function someTopics(count: number): Promise<string[]> {
    const topics = Array.from({ length: count }, () => randomUUID());
    await control.topics(...topics);
    return topics;
  }

  async function connected(url: string, topics: readonly string[]) {
    const client = await control.register(topics);
    const socket = await openSocket(url, { client });
    await socket.next('welcome');
    return { client, socket };
  }

  it('have keyspace events turned on at every master', async () => {
    await startEdge();
    for (const { url } of cluster.nodes) {
      await eventually(async () => expect(new Set(await eventsAt(url))).toEqual(new Set('Ks')));
    }
  });

  it('serve clients topics of every node, follow what they change, and let them resume', async () => {
    const edge = await startEdge();
    const topics = await someTopics(12);
    const [later = '', ...first] = topics;
    const { client, socket } = await connected(edge.url, first);
    for (const topic of first) {
      const id = await control.publish(topic, '1');
      expect(await socket.next('message')).toMatchObject({ topic, id });
    }
    await control.subscribe(client, later);
    await socket.next('subscribed');
    const id = await control.publish(later, '2');
    expect(await socket.next('message')).toMatchObject({ topic: later, id });
    await control.publishToClient(client, '"own"');
    expect(await socket.next('message')).toMatchObject({ topic: '@me' });
    await socket.close();
    const missed = await control.publish(later, '3');
    const again = await openSocket(edge.url, { client, resume: true });
    again.send({ type: 'resume', positions: { [later]: id } });
    expect(await again.next('welcome')).toMatchObject({ topics: { [later]: { recovered: true } } });
    expect(await again.next('message')).toMatchObject({ topic: later, id: missed });
    await again.close();
  });

  it('show who is present on topics of every node, on both edges', async () => {
    const [one, two] = await Promise.all([startEdge(), startEdge()]);
    const topics = await someTopics(6);
    for (const topic of topics) await control.broker.putTopic(topic, { presence: { ...DEFAULT_PRESENCE } });
    const join = async (url: string, user: string, query = {}) => {
      const client = await control.register(topics, randomUUID(), { user, seesPresence: [['**']] });
      const socket = await openSocket(url, { client, query });
      await socket.next('welcome');
      return socket;
    };
    const watcher = await join(one.url, 'w', { presence: '1' });
    const ann = await join(two.url, 'ann');
    const isShown = (members: Record<string, unknown>) =>
      eventually(() => {
        for (const topic of topics) expect(shownMembers(watcher, topic)).toEqual(members);
      });
    await isShown({ w: null, ann: null });
    await ann.close();
    await isShown({ w: null });
    await watcher.close();
  });

  it('cost Redis one message for each edge with a subscriber, however many it has, and none for the others', async () => {
    const edges = await Promise.all([startEdge(), startEdge(), startEdge()]);
    const [one, two, none] = edges;
    const [topic = ''] = await someTopics(1);
    const sockets = [];
    for (const edge of [one, one, one, two, two]) sockets.push((await connected(edge?.url ?? '', [topic])).socket);
    const receivedBefore = edges.map(({ edge }) => edge.counters.messagesReceived);
    for (let number = 0; number < 20; number += 1) await control.publish(topic, String(number));
    for (const socket of sockets) for (let number = 0; number < 20; number += 1) await socket.next('message');
    const received = edges.map(({ edge }, index) => edge.counters.messagesReceived - (receivedBefore[index] ?? 0));
    expect(received).toEqual([20, 20, 0]);
    const listeners = await Promise.all(
      cluster.nodes.map(({ url }) => askRedis(url, 'PUBSUB', 'SHARDNUMSUB', redisKeys(mine).topicLive(topic))),
    );
    expect(listeners.map((answer) => Number((answer as unknown[])[1])).toSorted((a, b) => a - b)).toEqual([0, 0, 2]);
    expect(none?.edge.topics.size).toBe(0);
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('go on when the slot of a topic moves while it is published to', async () => {
    const edge = await startEdge();
    const [topic = ''] = await someTopics(1);
    const { socket } = await connected(edge.url, [topic]);
    const slot = Number(
      await askRedis(cluster.nodes[0]?.url ?? '', 'CLUSTER', 'KEYSLOT', redisKeys(mine).topic(topic)),
    );
    const serves = await Promise.all(
      cluster.nodes.map(async ({ url }) => Number(await askRedis(url, 'CLUSTER', 'COUNTKEYSINSLOT', slot)) > 0),
    );
    const from = cluster.nodes[serves.indexOf(true)];
    const to = cluster.nodes[serves.indexOf(false)];
    if (from === undefined || to === undefined) throw new Error('one node of several has the topic');
    const move = moveSlot(
      slot,
      from,
      to,
      cluster.nodes.filter((node) => node !== from && node !== to),
    );
    const ids: string[] = [];
    for (let number = 0; number < 50; number += 1) ids.push(await control.publish(topic, String(number)));
    await move;
    for (let number = 50; number < 60; number += 1) ids.push(await control.publish(topic, String(number)));
    const received = [];
    while (received.length < ids.length) received.push((await socket.next('message'))['id']);
    expect(received).toEqual(ids);
    await socket.close();
  });

  it('report which server is silent', async () => {
    const edge = await startEdge();
    await eventually(async () => {
      const { body } = await edge.metrics.text();
      for (const { port } of cluster.nodes) expect(body).toMatch(`server="127.0.0.1:${port}"`);
    });
    expect(edge.health.readiness().ready).toBe(true);
  });
});

it(
  'an edge whose Cluster loses a master is served by the replica that takes over, where keyspace events are enabled as well',
  async () => {
    const cluster = await startSilentCluster(3);
    onTestFinished(cluster.stop);
    const mine = prefix();
    const [master, , , heir] = cluster.nodes;
    const control = await startClusterControl(targetOf(cluster), mine);
    onTestFinished(control.stop);
    const edge = await startClusterEdge({ target: targetOf(cluster), prefix: mine });
    onTestFinished(() => edge.stop());
    const topics = Array.from({ length: 12 }, () => randomUUID());
    await control.topics(...topics);
    const socket = await openSocket(edge.url, { client: await control.register(topics) });
    await socket.next('welcome');
    // Replicas follow a moment later: what they do not have yet goes with the master.
    const written = await offsetAt(master?.url ?? '');
    await eventually(async () => expect(await offsetAt(heir?.url ?? '')).toBeGreaterThanOrEqual(written));
    master?.kill('SIGKILL');
    await eventually(() => {
      expect(edge.health.readiness().checks['redis']).toBe(`no answer from 127.0.0.1:${master?.port}`);
    });
    const ids = new Map<string, string>();
    for (const topic of topics) {
      ids.set(topic, await eventually(() => control.publish(topic, '1'), FAILOVER));
    }
    // A publish that was not answered may have come before the one that was.
    const missing = new Set(ids.values());
    while (missing.size > 0) missing.delete(String((await socket.next('message', FAILOVER))['id']));
    await eventually(() => expect(edge.health.readiness().ready).toBe(true), FAILOVER);
    await eventually(async () => expect(new Set(await eventsAt(heir?.url ?? ''))).toEqual(new Set('Ks')));
    await socket.close();
  },
  START_MS,
);

it(
  'an edge that may not enable keyspace events logs that once, and finds changes by polling',
  async () => {
    const cluster = await startPrivateCluster({
      replicas: 0,
      args: ['--notify-keyspace-events', '', '--rename-command', 'CONFIG', ''],
    });
    onTestFinished(cluster.stop);
    const mine = prefix();
    const control = await startClusterControl(targetOf(cluster), mine);
    onTestFinished(control.stop);
    const edge = await startClusterEdge({ target: targetOf(cluster), prefix: mine });
    onTestFinished(() => edge.stop());
    const topics = Array.from({ length: 6 }, () => randomUUID());
    await control.topics(...topics);
    const client = await control.register();
    const socket = await openSocket(edge.url, { client });
    await socket.next('welcome');
    await control.subscribe(client, ...topics);
    const subscribed = new Set();
    while (subscribed.size < topics.length) subscribed.add((await socket.next('subscribed'))['topic']);
    expect(subscribed).toEqual(new Set(topics));
    expect(edge.log.linesWith('keyspace events are not available: changes are found by polling')).toHaveLength(1);
    expect(edge.health.readiness().ready).toBe(true);
    await socket.close();
  },
  START_MS,
);
