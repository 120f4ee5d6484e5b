import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadScript } from '../lua/scripts.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { detailsOf, dyingAfter, openBroker, watched } from '../testing/brokers.ts';
import { testEvents } from '../testing/events.ts';

const its = await openBroker();
const { redis, keys, control, edge, prefix } = its;
const events = testEvents(redis, its);

const BOTH = { 'topic.occupied': null, 'topic.vacated': null };
const EMPTY_MS = 5000;
beforeEach(() => events.want(BOTH));

const live = async (...ids: string[]) => void (await Promise.all(ids.map((id) => edge.renewLease(detailsOf(id)))));
const occupy = (id: string, ...topics: string[]) => edge.changeOccupancy(id, topics, []);
const leave = (id: string, ...topics: string[]) => edge.changeOccupancy(id, [], topics);
const written = async (topic: string) => (await events.ofTopic(topic)).map(({ type }) => type.replace('topic.', ''));

/** So much time passes for a topic that is empty, and it is looked at. */
async function later(topic: string, ms: number = EMPTY_MS): Promise<void> {
  const left = await redis.hget(keys.topicEdges(topic), 'left');
  if (left !== null) await redis.hincrby(keys.topicEdges(topic), 'left', -ms);
  await redis.zadd(keys.topicsVacating(), 'XX', 1, topic);
  await control.vacateTopics();
}

describe('a topic', () => {
  test('is occupied with the first edge that has connections, and vacated 5 s after the last', async () => {
    const topic = randomUUID();
    await live('a', 'b');
    expect(await occupy('a', topic)).toEqual(new Set([topic]));
    await occupy('b', topic);
    await leave('a', topic);
    await later(topic);
    expect(await written(topic)).toEqual(['occupied']);
    await leave('b', topic);
    await later(topic, EMPTY_MS - 1000);
    expect(await written(topic)).toEqual(['occupied']);
    await later(topic, 1000);
    expect(await written(topic)).toEqual(['occupied', 'vacated']);
    expect((await events.ofTopic(topic))[1]?.data).toEqual({ topic });
    await later(topic);
    await occupy('a', topic);
    expect(await written(topic)).toEqual(['occupied', 'vacated', 'occupied']);
  });

  test('that has connections again within 5 s was never vacated', async () => {
    const topic = randomUUID();
    await live('a', 'b');
    await occupy('a', topic);
    await leave('a', topic);
    await later(topic, EMPTY_MS - 1000);
    await occupy('b', topic);
    await later(topic);
    await leave('b', topic);
    await later(topic, EMPTY_MS - 1000);
    expect(await written(topic)).toEqual(['occupied']);
  });

  test('leaves nothing behind once it is vacated', async () => {
    const [topic, id] = [randomUUID(), randomUUID()];
    await live(id);
    await occupy(id, topic);
    await leave(id, topic);
    await later(topic);
    expect(await redis.exists(keys.topicEdges(topic), keys.edgeTopics(id))).toBe(0);
    expect(await redis.zscore(keys.topicsVacating(), topic)).toBeNull();
  });

  test('that is written twice, or left twice, has one event of each', async () => {
    const topic = randomUUID();
    await live('a');
    await occupy('a', topic);
    await occupy('a', topic);
    await leave('a', topic);
    await later(topic, 1000);
    await leave('a', topic);
    await later(topic, EMPTY_MS - 1000);
    await leave('a', topic);
    await Promise.all([later(topic), later(topic)]);
    expect(await written(topic)).toEqual(['occupied', 'vacated']);
  });

  test('is listed again by who leaves it while another process takes it off', async () => {
    const topic = randomUUID();
    await live('a');
    await occupy('a', topic);
    await redis.zadd(keys.topicsVacating(), 1, topic);
    const { sha } = loadScript('remove-due');
    const racing = watched(redis, async (_command, _count, first) => {
      if (first === sha) await leave('a', topic);
    });
    const slow = controlBroker(racing, prefix);
    await slow.refreshEvents();
    await slow.vacateTopics();
    await later(topic);
    expect(await written(topic)).toEqual(['occupied', 'vacated']);
  });
});

test('an edge that is gone has connections on nothing', async () => {
  const [own, shared] = [randomUUID(), randomUUID()];
  await live('living');
  await occupy('gone', own, shared);
  await occupy('living', shared);
  await control.vacateTopics();
  for (const topic of [own, shared]) await later(topic);
  expect(await written(own)).toEqual(['occupied', 'vacated']);
  expect(await written(shared)).toEqual(['occupied']);
  expect(await redis.sismember(keys.edgesWithTopics(), 'gone')).toBe(0);
  expect(await redis.sismember(keys.edgesWithTopics(), 'living')).toBe(1);
});

test('wherever an edge dies, what it has written is taken out when it is gone', async () => {
  for (let commands = 1, lives = true; lives; commands += 1) {
    const topic = randomUUID();
    const dying = edgeBroker(dyingAfter(redis, commands), prefix);
    await dying.refreshEvents();
    const done = await dying
      .changeOccupancy('dying', [topic], [])
      .then(() => dying.changeOccupancy('dying', [], [topic]))
      .catch(() => new Set<string>());
    lives = done.size === 0;
    await control.vacateTopics();
    await later(topic);
    expect(await redis.exists(keys.topicEdges(topic))).toBe(0);
    expect(['', 'occupied,vacated']).toContain(String(await written(topic)));
  }
});

test('what Redis has lost of an edge is found by it, and noted again', async () => {
  const [kept, lost] = [randomUUID(), randomUUID()];
  await live('a');
  await occupy('a', kept, lost);
  await redis.del(keys.topicEdges(lost), keys.edgeTopics('a'), keys.edgesWithTopics());
  expect(await edge.checkOccupancy('a', [kept, lost])).toEqual([lost]);
  expect((await redis.smembers(keys.edgeTopics('a'))).toSorted()).toEqual([kept, lost].toSorted());
  expect(await redis.sismember(keys.edgesWithTopics(), 'a')).toBe(1);
});

describe('only what is wanted is written', () => {
  test('of topics that fit, and never of users', async () => {
    const topic = randomUUID();
    await events.want({ 'topic.occupied': [`${topic}.*`] });
    expect([undefined, topic, `${topic}.a`].map((one) => edge.isOccupancyWanted(one))).toEqual([true, false, true]);
    await events.want({ 'topic.vacated': null });
    expect([undefined, topic, '@user:ann'].map((one) => edge.isOccupancyWanted(one))).toEqual([true, true, false]);
    await events.want({ 'member.joined': null });
    expect([undefined, topic].map((one) => edge.isOccupancyWanted(one))).toEqual([false, false]);
    await events.end();
    expect([undefined, topic].map((one) => edge.isOccupancyWanted(one))).toEqual([false, false]);
  });

  test.each(['topic.occupied', 'topic.vacated'])('%s alone', async (type) => {
    await events.want({ [type]: null });
    const topic = randomUUID();
    await live('a');
    await occupy('a', topic);
    await leave('a', topic);
    await later(topic);
    expect((await events.ofTopic(topic)).map((event) => event.type)).toEqual([type]);
  });

  test('an edge that leaves once nothing is wanted leaves nothing behind', async () => {
    const [topic, id] = [randomUUID(), randomUUID()];
    await live(id);
    await occupy(id, topic);
    await events.end();
    await leave(id, topic);
    expect(await redis.exists(keys.topicEdges(topic), keys.edgeTopics(id))).toBe(0);
    expect(await redis.zscore(keys.topicsVacating(), topic)).toBeNull();
    expect(await written(topic)).toEqual(['occupied']);
  });
});
