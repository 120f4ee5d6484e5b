import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type LiveSubscriber, liveSubscriber } from '../live/subscriber.ts';
import { controlBroker } from '../redis-broker.ts';
import { dyingAfter, openBroker, openRedis, watched } from '../testing/brokers.ts';
import { KnownCluster, brokersOf } from '../testing/known-cluster.ts';
import { DORMANT_MS, continues, isCurrent, startNow } from './state.ts';

const START_MS = 60_000;
const HOUR_S = 3_600;
const DAY_MS = 86_400_000;
const ALL = 1_000;

const one = await openBroker();
let cluster: RedisCluster;
let topology: KnownCluster;
let onCluster: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  topology = await KnownCluster.open(cluster.nodes[0]?.url ?? '');
  onCluster = brokersOf(topology);
}, START_MS);
afterAll(() => cluster.stop());

const oneTopic = () => ({ maxTopics: 1, maxHistoryMessages: 10 });

let count = 0;
const publish = ({ control }: Its, topic: string) => control.publish(topic, Buffer.from('1'));

type Its = ReturnType<typeof itsOf>;

/** All that a test needs, with a new topic of a kind of Redis. */
function itsOf(kind: string) {
  const { commands, keys, control, edge, prefix } = kind === 'a Cluster' ? onCluster : { ...one, commands: one.redis };
  const topic = `topic.${(count += 1)}`;
  const run = async (script: string, args: (string | number)[] = []) =>
    commands.eval(`return redis.call(${script})`, 1, keys.topic(topic), ...args);
  return {
    commands,
    keys,
    prefix,
    control,
    edge,
    topic,
    /** Has the topic look as if it had not been used for a day, and be due. */
    age: async () => {
      const used = Date.now() - DAY_MS;
      await run("'HSET', KEYS[1], 'used', ARGV[1]", [used]);
      const last = String(await commands.hget(keys.topic(topic), 'last'));
      await run("'HSET', KEYS[1], 'last', ARGV[1]", [last.replace(/^\d+/, String(used))]);
      await commands.zadd(keys.topicsExpiring(), 1, topic);
    },
    ttl: async () => Number(await run("'PTTL', KEYS[1]")),
    keepFor: (ms: number) => run("'PEXPIRE', KEYS[1], ARGV[1]", [ms]),
    isDue: async () => commands.zadd(keys.topicsExpiring(), 1, topic),
    listed: async () => commands.zrangebyscore(keys.topicsExpiring(), '-inf', '+inf'),
    state: async () => (await control.readWithDormant([topic]))[0] ?? null,
    names: async () => (await control.listTopics(null, ALL)).items.map((item) => item.topic),
  };
}

/** One that has expired, and what was known of it before. */
async function expired(kind: string) {
  const its = itsOf(kind);
  const { control, topic } = its;
  await control.putTopic(topic, { size: 5, expireSeconds: HOUR_S });
  await publish(its, topic);
  await its.age();
  const before = await its.state();
  await control.expireTopics(ALL);
  if (before === null) throw new Error('it was there');
  return { ...its, before };
}

describe.each(['one Redis', 'a Cluster'])('a topic that expires, on %s', (kind) => {
  test('is gone to callers once it was not used for so long, and not before', async () => {
    const its = itsOf(kind);
    const { control, topic, names } = its;
    const { state } = await control.putTopic(topic, { expireSeconds: 1 });
    expect(state.expireSeconds).toBe(1);
    let found = 0;
    await eventually(async () => {
      await its.isDue();
      const [isThere] = await control.readTopics([topic]);
      const isNamed = (await names()).includes(topic);
      found += await control.expireTopics(ALL);
      // It was there to callers as long as it had not expired.
      expect([isThere, isNamed]).toEqual([state, true]);
      expect(found).toBe(1);
    });
    expect(Date.now()).toBeGreaterThanOrEqual(Number(state.start.split('-')[0]) + 1000);
    expect(await control.readTopics([topic])).toEqual([null]);
    expect(await control.readLog(topic, null, 10)).toBeNull();
    expect(await publish(its, topic)).toEqual({ kind: 'not-found' });
    expect(await names()).not.toContain(topic);
    expect(await its.listed()).not.toContain(topic);
  });

  test('stays as long as something is published', async () => {
    const its = itsOf(kind);
    await its.control.putTopic(its.topic, { expireSeconds: HOUR_S });
    await its.age();
    await publish(its, its.topic);
    await its.control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: false });
    await its.age();
    await its.control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: true });
  });

  test('stays as long as an edge has it, and so long after', async () => {
    const its = itsOf(kind);
    const { control, topic } = its;
    await control.putTopic(topic, { expireSeconds: HOUR_S });
    const live = await subscribed(its, kind);
    await its.age();
    await control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: false });
    live.unsubscribe(topic);
    await its.isDue();
    await control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: false });
    await eventually(async () => {
      await its.age();
      await control.expireTopics(ALL);
      expect(await its.state()).toMatchObject({ dormant: true });
    });
  });

  test('stays for so long after an edge has closed it; others are not touched', async () => {
    const its = itsOf(kind);
    const { control, edge, topic } = its;
    await control.putTopic(topic, { expireSeconds: HOUR_S });
    await its.age();
    await edge.touchTopic(topic);
    await control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: false });
    await edge.touchTopic(`${topic}.nowhere`);
    expect(await control.readWithDormant([`${topic}.nowhere`])).toEqual([null]);
    await control.putTopic(topic, { expireSeconds: null });
    await edge.touchTopic(topic);
    expect(await its.commands.hget(its.keys.topic(topic), 'used')).toBeNull();
  });

  test('does not any more when its setting is taken away, and does sooner when that is lowered', async () => {
    const [never, sooner] = [itsOf(kind), itsOf(kind)];
    for (const its of [never, sooner]) await its.control.putTopic(its.topic, { expireSeconds: HOUR_S });
    await never.age();
    await never.control.putTopic(never.topic, { expireSeconds: null });
    await never.control.expireTopics(ALL);
    expect(await never.state()).toMatchObject({ dormant: false, expireSeconds: null });
    expect(await never.listed()).not.toContain(never.topic);
    await sooner.control.putTopic(sooner.topic, { expireSeconds: 1 });
    await eventually(async () => {
      await sooner.control.expireTopics(ALL);
      expect(await sooner.state()).toMatchObject({ dormant: true });
    });
  });

  test('is counted from when it is said that it does', async () => {
    const its = itsOf(kind);
    await its.control.putTopic(its.topic, {});
    await its.age();
    await its.control.putTopic(its.topic, { expireSeconds: HOUR_S });
    await its.isDue();
    await its.control.expireTopics(ALL);
    expect(await its.state()).toMatchObject({ dormant: false });
  });

  test('comes back as it is put, with its end, and its subscriptions hold', async () => {
    const { control, topic, before, names, ttl, ...its } = await expired(kind);
    expect(await its.state()).toEqual({ ...before, expireSeconds: null, dormant: true });
    expect(isCurrent(await its.state(), startNow(before))).toBe(true);
    expect(await ttl()).toBeGreaterThan(DORMANT_MS - DAY_MS);
    const again = await control.putTopic(topic, { seconds: 7 });
    expect(again).toEqual({
      created: true,
      state: { ...before, history: { size: 1000, seconds: 7 }, expireSeconds: null },
    });
    expect(await ttl()).toBe(-1);
    expect(await names()).toContain(topic);
    expect((await control.putTopic(topic, {})).created).toBe(false);
    const published = await publish({ control, topic, names, ttl, ...its }, topic);
    const page = await control.readLog(topic, null, 10);
    expect(page?.entries).toMatchObject([{ prev: before.last, id: published.kind === 'published' && published.id }]);
  });

  test('tells truly whether a position misses something, also when it comes back', async () => {
    const its = itsOf(kind);
    const { control, edge, topic } = its;
    const { state } = await control.putTopic(topic, { expireSeconds: HOUR_S });
    await publish(its, topic);
    await its.age();
    const { last = '' } = (await its.state()) ?? {};
    await control.expireTopics(ALL);
    const judge = async (position: string) => {
      const page = await edge.readLog(topic, position, 10);
      return page !== null && continues(page, position);
    };
    expect(await judge(last)).toBe(true);
    expect(await judge(state.start)).toBe(false);
    await control.putTopic(topic, {});
    await publish(its, topic);
    expect(await judge(last)).toBe(true);
    expect(await judge(state.start)).toBe(false);
  });

  test('is not there to be deleted, and what deletes it ends its subscriptions', async () => {
    const { control, topic, before, state } = await expired(kind);
    expect(await control.deleteTopic(topic)).toBe(false);
    expect(await state()).toBeNull();
    const again = await control.putTopic(topic, {});
    expect(isCurrent(again.state, startNow(before))).toBe(false);
  });

  test('is kept for 30 days from when an edge last had it', async () => {
    const { edge, topic, before, ttl, keepFor } = await expired(kind);
    await keepFor(DAY_MS);
    const known = { topic, incarnation: before.incarnation, last: before.last, settings: '' };
    expect(await edge.compareTopics([known])).toEqual(new Map());
    expect(await ttl()).toBeGreaterThan(DORMANT_MS - DAY_MS);
  });

  test('makes room for its key, and takes it again, also of another key', async () => {
    const { control, keys, commands, topic, age } = itsOf(kind);
    const [first, second] = [`first-${topic}`, `second-${topic}`];
    const put = async (key: string, name: string) =>
      (await control.putTopicOf({ key, quotaOf: oneTopic }, name, { size: 10, expireSeconds: HOUR_S })).kind;
    const counted = (key: string) => commands.hmget(keys.key(key), 'topics', 'history');
    expect(await put(first, topic)).toBe('put');
    expect(await put(first, `${topic}.b`)).toBe('topics');
    await age();
    expect(await control.expireTopics(ALL)).toBe(1);
    expect(await counted(first)).toEqual(['0', '0']);
    expect(await put(first, `${topic}.b`)).toBe('put');
    expect(await put(first, topic)).toBe('topics');
    expect(await put(second, topic)).toBe('put');
    expect(await counted(second)).toEqual(['1', '10']);
  });

  test('is off every list when many have looked at it at once', async () => {
    const { control, topic, age, state, names, listed } = itsOf(kind);
    await control.putTopic(topic, { expireSeconds: HOUR_S });
    await age();
    await Promise.all(Array.from({ length: 10 }, () => control.expireTopics(ALL)));
    expect(await state()).toMatchObject({ dormant: true });
    expect(await listed()).not.toContain(topic);
    expect(await names()).not.toContain(topic);
    expect(await control.expireTopics(ALL)).toBe(0);
  });

  test('that is created only if it is not there is left as it is, and comes back when it has expired', async () => {
    const { control, keys, commands, topic, before } = await expired(kind);
    const owner = { key: `create-${topic}`, quotaOf: oneTopic };
    const create = (size: number) => control.createTopicOf(owner, topic, { size, expireSeconds: HOUR_S });
    expect(await create(11)).toEqual({ kind: 'history' });
    const made = { ...before, history: { size: 9, seconds: 300 } };
    expect(await create(9)).toEqual({ kind: 'put', created: true, state: made });
    expect(await create(99)).toEqual({ kind: 'put', created: false, state: made });
    expect(await commands.hmget(keys.key(owner.key), 'topics', 'history')).toEqual(['1', '9']);
  });

  test('meeting its return ends up as Redis has it, listed and counted so, 100 times', async () => {
    const { control, keys, commands, topic, age, state, names, listed } = itsOf(kind);
    const key = `race-${topic}`;
    const owner = { key, quotaOf: () => undefined };
    for (let round = 0; round < 100; round += 1) {
      await control.putTopicOf(owner, topic, { expireSeconds: HOUR_S });
      await age();
      await Promise.all([
        control.expireTopics(ALL),
        control.putTopicOf(owner, topic, { expireSeconds: round % 2 === 0 ? HOUR_S : null }),
      ]);
      const isThere = (await state())?.dormant === false;
      expect(isThere).toBe(true);
      expect((await names()).includes(topic)).toBe(isThere);
      expect(await commands.hget(keys.key(key), 'topics')).toBe('1');
      const expires = (await state())?.expireSeconds !== null;
      expect(!expires || (await listed()).includes(topic)).toBe(true);
    }
  });
});

/** Subscribed to the topic as an edge is. */
async function subscribed({ keys, topic }: Its, kind: string): Promise<LiveSubscriber> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscriber = await openRedis('subscriber');
  const source =
    kind === 'a Cluster'
      ? ({ kind: 'cluster', topology } as const)
      : ({ kind: 'one', openSubscriber: () => subscriber } as const);
  const live = liveSubscriber(source, keys, `edge-of-${topic}`, {
    onTopic: () => undefined,
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: () => resolve(),
    onDisconnected: () => undefined,
  });
  onTestFinished(live.start());
  live.subscribe(topic);
  await promise;
  return live;
}

test('a process that dies while a topic expires leaves nothing that the next does not do', async () => {
  for (let commands = 0; commands < 12; commands += 1) {
    const own = await openBroker();
    const { control, keys, redis } = own;
    const owner = { key: 'k', quotaOf: () => undefined };
    await control.putTopicOf(owner, 'a', { expireSeconds: HOUR_S });
    await redis.hset(keys.topic('a'), 'used', 1, 'last', '1-1');
    const due = () => redis.zadd(keys.topicsExpiring(), 'XX', 1, 'a');
    await due();
    await controlBroker(dyingAfter(redis, commands), own.prefix)
      .expireTopics(ALL)
      .catch(() => undefined);
    await due();
    await control.expireTopics(ALL);
    expect(await control.readTopics(['a'])).toEqual([null]);
    expect(await redis.exists(keys.topics(), keys.topicsExpiring())).toBe(0);
    expect(await redis.hmget(keys.key('k'), 'topics', 'history')).toEqual(['0', '0']);
  }
});

test('a process that dies while it creates a topic that expires leaves one that does, or none', async () => {
  for (let commands = 0; commands < 5; commands += 1) {
    const own = await openBroker();
    const { control, keys, redis } = own;
    await controlBroker(dyingAfter(redis, commands), own.prefix)
      .putTopic('a', { expireSeconds: HOUR_S })
      .catch(() => undefined);
    const isThere = (await control.readTopics(['a']))[0] !== null;
    const isListed = (await redis.zscore(keys.topicsExpiring(), 'a')) !== null;
    expect(isListed || !isThere).toBe(true);
    await redis.hset(keys.topic('a'), isThere ? { used: 1, last: '1-1' } : { x: 1 });
    if (!isThere) await redis.del(keys.topic('a'));
    await redis.zadd(keys.topicsExpiring(), 'XX', 1, 'a');
    await control.expireTopics(ALL);
    expect(await redis.exists(keys.topicsExpiring())).toBe(0);
  }
});

test('a topic that comes back while the one before it is taken off the list is on it', async () => {
  const own = await openBroker();
  const { keys, redis, prefix } = own;
  // The reaper of another process removes the entry between the two commands.
  const raced = watched(redis, async (command) => {
    if (command === 'evalsha') await redis.zrem(keys.topicsExpiring(), 'a');
  });
  await controlBroker(raced, prefix).putTopic('a', { expireSeconds: HOUR_S });
  expect(await redis.zscore(keys.topicsExpiring(), 'a')).not.toBeNull();
});

test('a topic whose node is away keeps no other from being looked at', async () => {
  const own = await openBroker();
  const { control, keys, redis } = own;
  for (const topic of ['a', 'b']) await control.putTopic(topic, { expireSeconds: HOUR_S });
  await redis.hset(keys.topic('b'), 'used', 1, 'last', '1-1');
  for (const [score, topic] of ['a', 'b'].entries()) await redis.zadd(keys.topicsExpiring(), score, topic);
  const away = watched(redis, (command) => {
    if (command === 'evalsha') throw new Error('it is away');
  });
  await expect(controlBroker(away, own.prefix).expireTopics(1)).rejects.toThrow('it is away');
  expect(await control.expireTopics(1)).toBe(1);
  expect(await control.readTopics(['b'])).toEqual([null]);
});

test('a topic that does not expire costs no command and no key for it', async () => {
  const own = await openBroker();
  const sent: string[] = [];
  const seen = watched(own.redis, (command) => void sent.push(command));
  await controlBroker(seen, own.prefix).putTopic('a', { size: 5 });
  expect(sent).toEqual(['zadd', 'evalsha', 'zadd', 'hmget']);
  expect(await own.redis.exists(own.keys.topicsExpiring())).toBe(0);
  expect(Object.keys(await own.redis.hgetall(own.keys.topic('a'))).toSorted()).toEqual([
    'born',
    'last',
    'seconds',
    'size',
  ]);
});
