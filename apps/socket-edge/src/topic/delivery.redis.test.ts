import { connectionName } from '@holdfast/broker/client-state';
import { redisKeys } from '@holdfast/broker/keys';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
let control: Control;
let edge: RunningEdge;
let names = 0;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  edge = await startEdge({ redisUrl: redisUrl(), prefix: mine });
});
afterAll(async () => {
  await edge.stop();
  await control.stop();
});

/** Topics that no other test has. */
async function newTopics(count: number): Promise<string[]> {
  const topics = Array.from({ length: count }, () => `topic-${(names += 1)}`);
  await control.topics(...topics);
  return topics;
}

async function connected(client: string): Promise<TestSocket> {
  const socket = await openSocket(edge.url, { client });
  await socket.next('welcome');
  return socket;
}

async function resumed(client: string, positions: Record<string, string>): Promise<TestSocket> {
  const socket = await openSocket(edge.url, { client, resume: true });
  socket.send({ type: 'resume', positions });
  return socket;
}

const publishAll = async (topic: string, count: number) => {
  const ids: string[] = [];
  for (let number = 1; number <= count; number += 1) ids.push(await control.publish(topic, String(number)));
  return ids;
};

describe('messages', () => {
  it('arrive in order and byte for byte as they were published', async () => {
    const [topic = ''] = await newTopics(1);
    const socket = await connected(await control.register([topic]));
    const texts = ['{ "b" : 1.0, "a":[ ] }', '"\\u00e9 é 🙂"', '12345678901234567890.10', 'null', ' "spaced" '];
    for (const text of texts) {
      const id = await control.publish(topic, text);
      await socket.next('message');
      expect(socket.texts.at(-1)).toBe(`{"type":"message","topic":"${topic}","id":"${id}","data":${text}}`);
    }
    await socket.close();
  });

  it('of every size up to the limit come whole', async () => {
    const [topic = ''] = await newTopics(1);
    const socket = await connected(await control.register([topic]));
    const sizes = [2, 30, 120, 126, 130, 1000, 65_400, 65_535, 65_536];
    for (const size of sizes) await control.publish(topic, JSON.stringify('z'.repeat(size - 2)));
    for (const size of sizes) expect((await socket.next('message'))['data']).toHaveLength(size - 2);
    await socket.close();
  });

  it('to a client alone come as @me, and resume like those of any topic', async () => {
    const client = await control.register();
    const first = await connected(client);
    const ids = [await control.publishToClient(client, '{"n": 1}'), await control.publishToClient(client, '2')];
    expect(await first.next('message')).toEqual({ type: 'message', topic: '@me', id: ids[0], data: { n: 1 } });
    expect(await first.next('message')).toMatchObject({ id: ids[1] });
    await first.close();

    ids.push(await control.publishToClient(client, '3'), await control.publishToClient(client, '4'));
    const second = await resumed(client, { '@me': ids[0] ?? '' });
    expect(await second.next('welcome')).toMatchObject({ topics: { '@me': { position: ids[0], recovered: true } } });
    for (const id of ids.slice(1)) expect(await second.next('message')).toMatchObject({ topic: '@me', id });
    const live = await control.publishToClient(client, '5');
    expect(await second.next('message')).toMatchObject({ topic: '@me', id: live });
    expect(second.frames).toHaveLength(5);
    await second.close();
  });
});

describe('a resume', () => {
  it('reports recovered, sends what was missed, then what is live, and a topic without a position from its end on', async () => {
    const [seen = '', unseen = ''] = await newTopics(2);
    const client = await control.register([seen, unseen]);
    const ids = await publishAll(seen, 5);
    const [end] = await publishAll(unseen, 1);
    const socket = await resumed(client, { [seen]: ids[1] ?? '' });
    expect(await socket.next('welcome')).toMatchObject({
      topics: { [seen]: { position: ids[1], recovered: true }, [unseen]: { position: end, recovered: false } },
    });
    ids.push(await control.publish(seen, '6'));
    for (const id of ids.slice(2)) expect(await socket.next('message')).toMatchObject({ id });
    expect(socket.frames).toHaveLength(1 + 4);
    await socket.close();
  });

  it('past the history is not recovered, and gets where it goes on', async () => {
    const [topic = ''] = await newTopics(1);
    await control.broker.putTopic(topic, { size: 3 });
    const client = await control.register([topic]);
    const ids = await publishAll(topic, 10);
    const socket = await resumed(client, { [topic]: ids[0] ?? '' });
    expect(await socket.next('welcome')).toMatchObject({ topics: { [topic]: { position: ids[6], recovered: false } } });
    expect(await socket.next('lost')).toEqual({ type: 'lost', topic, after: ids[0], position: ids[6] });
    for (const id of ids.slice(7)) expect(await socket.next('message')).toMatchObject({ id });
    await socket.close();
  });

  it('from right before the history, or from the end, lacks nothing', async () => {
    const [topic = ''] = await newTopics(1);
    await control.broker.putTopic(topic, { size: 3 });
    const client = await control.register([topic]);
    const ids = await publishAll(topic, 10);
    for (const [from, missed] of [
      [ids[6], 3],
      [ids[9], 0],
    ] as const) {
      const socket = await resumed(client, { [topic]: from ?? '' });
      const topics = { [topic]: { position: from, recovered: true } };
      expect(await socket.next('welcome')).toMatchObject({ topics });
      for (let count = 0; count < missed; count += 1) await socket.next('message');
      socket.send({ type: 'ping' });
      await socket.next('pong');
      expect(socket.frames).toHaveLength(missed + 2);
      await socket.close();
    }
  });

  it('of a topic whose log Redis has lost is not recovered', async () => {
    const [topic = ''] = await newTopics(1);
    const client = await control.register([topic]);
    const ids = await publishAll(topic, 5);
    await control.redis.del(redisKeys(mine).topicLog(topic));
    const socket = await resumed(client, { [topic]: ids[1] ?? '' });
    expect(await socket.next('lost')).toEqual({ type: 'lost', topic, after: ids[1], position: ids[4] });
    const id = await control.publish(topic, '6');
    expect(await socket.next('message')).toMatchObject({ id });
    await socket.close();
  });

  it('answers pings before it comes', async () => {
    const socket = await openSocket(edge.url, { client: await control.register(), resume: true });
    socket.send({ type: 'ping' });
    await socket.next('pong');
    socket.send({ type: 'resume', positions: {} });
    await socket.next('welcome');
    expect(socket.frames.map(({ type }) => type)).toEqual(['pong', 'welcome']);
    await socket.close();
  });
});

describe('what a client wants', () => {
  it('reaches its connection: subscribed, messages, unsubscribed, and none after', async () => {
    const [one = '', two = ''] = await newTopics(2);
    const client = await control.register([one]);
    const socket = await connected(client);
    await control.subscribe(client, two);
    const { last } = (await control.broker.readTopics([two]))[0] ?? {};
    expect(await socket.next('subscribed')).toEqual({ type: 'subscribed', topic: two, position: last });
    const id = await control.publish(two, '1');
    expect(await socket.next('message')).toMatchObject({ topic: two, id });
    await control.unsubscribe(client, two);
    expect(await socket.next('unsubscribed')).toEqual({ type: 'unsubscribed', topic: two, reason: 'requested' });
    await control.publish(two, '2');
    const other = await control.publish(one, '3');
    expect(await socket.next('message')).toMatchObject({ topic: one, id: other });
    await socket.close();
  });

  it('may be very many topics at once', async () => {
    const topics = await newTopics(300);
    const client = await control.register();
    const socket = await connected(client);
    await control.subscribe(client, ...topics);
    await eventually(() => expect(socket.frames.filter(({ type }) => type === 'subscribed')).toHaveLength(300));
    const ids = await Promise.all(topics.map((topic) => control.publish(topic, '1')));
    await eventually(() => expect(socket.frames.filter(({ type }) => type === 'message')).toHaveLength(300));
    expect(new Set(socket.frames.flatMap(({ id }) => id ?? []))).toEqual(new Set(ids));
    await socket.close();
  });

  it('ends with a topic that is deleted; one of the same name is another', async () => {
    const [topic = ''] = await newTopics(1);
    const client = await control.register([topic]);
    const socket = await connected(client);
    await control.publish(topic, '1');
    expect(await control.broker.deleteTopic(topic)).toBe(true);
    expect(await socket.next('unsubscribed')).toEqual({ type: 'unsubscribed', topic, reason: 'topic-deleted' });
    await control.topics(topic);
    await control.publish(topic, '"of the new one"');
    socket.send({ type: 'ping' });
    await socket.next('pong');
    expect(socket.frames.filter(({ type }) => type === 'message')).toHaveLength(1);
    await control.broker.changeTopics(client, { remove: [topic] });
    await control.subscribe(client, topic);
    await socket.next('subscribed');
    const id = await control.publish(topic, '3');
    expect(await socket.next('message')).toMatchObject({ id });
    await socket.close();
  });

  it('and what it is served, is known when asked', async () => {
    const [topic = ''] = await newTopics(1);
    const client = await control.register([topic]);
    const socket = await connected(client);
    const id = await control.publish(topic, '1');
    await socket.next('message');
    const owner = (await control.broker.readClient(client))?.owner;
    // A survey goes without an answer that is late.
    await eventually(async () =>
      expect(await control.broker.surveyServed(edge.id, client)).toMatchObject({
        connection: connectionName(owner?.generation ?? 0),
        generation: owner?.generation,
        topics: { [topic]: id },
      }),
    );
    await eventually(async () => expect(await control.broker.surveySubscribers(topic)).toBe(1));
    await socket.close();
    await eventually(async () => expect(await control.broker.surveySubscribers(topic)).toBe(0));
    expect(await control.broker.surveyServed(edge.id, client)).toBeNull();
  });
});

it('what was published while the subscriber connection was cut comes without anything published after it', async () => {
  const [topic = ''] = await newTopics(1);
  const socket = await connected(await control.register([topic]));
  for (let round = 0; round < 10; round += 1) {
    edge.subscriber.disconnect(true);
    const ids = await publishAll(topic, 3);
    // Sooner than a look at a topic that is quiet would find it.
    for (const id of ids) expect(await socket.next('message', { timeoutMs: 5000 })).toMatchObject({ id });
  }
  await socket.close();
});

it('an edge whose subscriber connection is cut again and again misses nothing', async () => {
  const [topic = ''] = await newTopics(1);
  const socket = await connected(await control.register([topic]));
  const ids: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    edge.subscriber.disconnect(true);
    ids.push(...(await publishAll(topic, 10)));
    await eventually(() => expect(edge.subscriber.status).toBe('ready'));
    ids.push(...(await publishAll(topic, 5)));
  }
  await eventually(() => expect(socket.frames.slice(1).map(({ id }) => id)).toEqual(ids));
  expect(edge.edge.counters.subscriberConnectionsLost).toBeGreaterThan(10);
  await socket.close();
});
