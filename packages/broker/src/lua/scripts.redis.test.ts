import { randomUUID } from 'node:crypto';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { everyCall, withoutTimes } from '../testing/every-call.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { loadScript } from './scripts.ts';
import { type TestBroker, openBroker, openRedis } from '../testing/brokers.ts';

/** One whose scripts are flushed, and that is stopped. */
let server: PrivateRedis;
let its: TestBroker;
beforeAll(async () => {
  server = await startPrivateRedis();
  its = await openBroker(server.url);
});
afterAll(() => server.stop());

/** They need only a secret that is asked for once, or do nothing while no events are wanted. */
const WITHOUT_REDIS = [
  'refsOf',
  'cursorOf',
  'clientIdOfCursor',
  'isOccupancyWanted',
  'beginSearches',
  'isLossWanted',
  'writeLosses',
  'isChannelEventWanted',
  'writeChannelEvent',
];

test('the list of calls below leaves none out', () => {
  const called = Object.keys(everyCall(its)).map((name) => name.replace(/ (of|with) .*/, ''));
  expect(new Set([...called, ...WITHOUT_REDIS])).toEqual(
    new Set([...Object.keys(its.control), ...Object.keys(its.edge)]),
  );
});

describe('a Redis that does not know the scripts', () => {
  test('has them loaded: every call works after SCRIPT FLUSH, with the same result', async () => {
    const results = [];
    for (const flush of [false, true]) {
      const found: Record<string, string> = {};
      for (const [name, call] of Object.entries(everyCall(its))) {
        if (flush) await its.redis.script('FLUSH');
        found[name] = withoutTimes((await call()) ?? null);
      }
      results.push(found);
    }
    expect(results[1]).toEqual(results[0]);
  });

  test('fails no call of many that go out together', async () => {
    const topic = randomUUID();
    await its.control.putTopic(topic, { size: 1000 });
    await its.redis.script('FLUSH');
    const published = await Promise.all(
      Array.from({ length: 200 }, (_, index) => its.control.publish(topic, Buffer.from(String(index)))),
    );
    expect(published.filter(({ kind }) => kind === 'published')).toHaveLength(200);
    await its.redis.script('FLUSH');
    const pages = await Promise.all(Array.from({ length: 50 }, () => its.edge.readLog(topic, null, 1000)));
    for (const page of pages) expect(page?.entries).toHaveLength(200);
  });

  test('refuses the one command of a pipeline that needs a script, not those beside it', async () => {
    await its.redis.script('FLUSH');
    const { sha } = loadScript('publish');
    const key = `${its.prefix}x`;
    const answers = await Promise.allSettled([
      its.redis.set(key, '1'),
      its.redis.evalsha(sha, 0),
      its.redis.get(key),
      its.control.tryWrites(),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { message: expect.stringMatching(/^NOSCRIPT/) as string } });
    expect(answers[2]).toMatchObject({ value: '1' });
  });
});

describe('many calls at once', () => {
  test('each get their own answer, bytes and texts side by side', async () => {
    const topics = Array.from({ length: 100 }, () => randomUUID());
    await Promise.all(topics.map((topic) => its.control.putTopic(topic, {})));
    await Promise.all(topics.map((topic) => its.control.publish(topic, Buffer.from(`"${topic}"`))));
    const found = await Promise.all(
      topics.map(async (topic) => {
        const [page, [state]] = await Promise.all([its.edge.readLog(topic, null, 1), its.edge.readTopics([topic])]);
        return { text: String(page?.entries[0]?.data), same: page?.last === state?.last };
      }),
    );
    expect(found).toEqual(topics.map((topic) => ({ text: `"${topic}"`, same: true })));
  });
});

describe('a Redis that is gone', () => {
  test('makes every call fail as unavailable, those under way and those to come, and works again when it is back', async () => {
    const { port } = server;
    const calls = Object.entries(everyCall(its));
    server.freeze();
    const underWay = calls.map(async ([name, call]) => [name, await failureOf(call)]);
    await server.kill();
    expect(Object.fromEntries(await Promise.all(underWay))).toEqual(unavailable(calls));
    const toCome = await Promise.all(calls.map(async ([name, call]) => [name, await failureOf(call)]));
    expect(Object.fromEntries(toCome)).toEqual(unavailable(calls));

    server = await startPrivateRedis({ port });
    await expect.poll(() => its.redis.status).toBe('ready');
    for (const [, call] of Object.entries(everyCall(its))) await call();
  });

  test('is not waited for longer than a command may take', async () => {
    const impatient = await openRedis('commands', server.url);
    impatient.options.commandTimeout = 100;
    const calls = Object.entries(
      everyCall({ ...its, control: controlBroker(impatient, its.prefix), edge: edgeBroker(impatient, its.prefix) }),
    );
    server.freeze();
    const failures = await Promise.all(calls.map(async ([name, call]) => [name, await failureOf(call)]));
    server.thaw();
    expect(Object.fromEntries(failures)).toEqual(unavailable(calls));
  });
});

function unavailable(calls: [string, unknown][]): Record<string, string> {
  return Object.fromEntries(calls.map(([name]) => [name, 'redis-unavailable']));
}

async function failureOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'none';
  } catch (error) {
    return error instanceof RedisUnavailable ? error.code : String(error);
  }
}
