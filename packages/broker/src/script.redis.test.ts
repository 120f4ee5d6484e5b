import { randomUUID } from 'node:crypto';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerUnavailable } from './broker-unavailable.ts';
import type { EdgeDetails } from './broker.ts';
import { controlBroker, edgeBroker } from './redis-broker.ts';
import { loadScript } from './script.ts';
import { type TestBroker, openBroker, openRedis, someone } from './test-broker.ts';

/** One whose scripts are flushed, and that is stopped. */
let server: PrivateRedis;
let its: TestBroker;
beforeAll(async () => {
  server = await startPrivateRedis();
  its = await openBroker(server.url);
});
afterAll(() => server.stop());

const details: EdgeDetails = {
  id: 'e1',
  url: 'ws://127.0.0.1:7701',
  connections: 0,
  maxConnections: 1,
  draining: false,
  startedAt: 1,
};

/** Every function of both brokers, in an order in which each finds something to do. */
function everyCall({ control, edge }: TestBroker): Record<string, () => Promise<unknown>> {
  const client = someone({ name: randomUUID() });
  const { clientId } = client;
  const owner = { edge: 'e1', connection: 'c2' };
  const none = new Map<string, string>();
  const state = { ...client, owner, since: 0, unwanted: null, ownPosition: '1-0', topics: none, ended: none };
  const topic = randomUUID();
  const data = Buffer.from('{"a":1}');
  return {
    register: () => control.register(client, 1000),
    settleAbandoned: () => control.settleAbandoned(client.key, 0),
    putTopic: () => control.putTopic(topic, { size: 5 }),
    changeTopics: () => control.changeTopics(clientId, { add: new Map([[topic, '1-0']]) }),
    claim: () => edge.claim(clientId, 'e1', 'c1'),
    disconnect: () => control.disconnect(clientId),
    readClient: () => control.readClient(clientId),
    'readClients of control-api': () => control.readClients([clientId]),
    'readClients of an edge': () => edge.readClients([clientId]),
    listClients: () => control.listClients(null, 10),
    'readTopics of control-api': () => control.readTopics([topic]),
    'readTopics of an edge': () => edge.readTopics([topic]),
    listTopics: () => control.listTopics(null, 10),
    publish: () => control.publish(topic, data, 'key'),
    publishAll: () => control.publishAll(topic, [{ data, idempotencyKey: 'key' }, { data }]),
    publishToClient: () => control.publishToClient(clientId, data, 'key'),
    'readLog of control-api': () => control.readLog(topic, null, 10),
    'readLog of an edge': () => edge.readLog(topic, '1-0', 10),
    'readClientLog of control-api': () => control.readClientLog(clientId, null, 10),
    'readClientLog of an edge': () => edge.readClientLog(clientId, '1-0', 10),
    ring: () => edge.ring('e1', clientId),
    peekLetters: () => edge.peekLetters('e1', 10),
    takeLetters: () => edge.takeLetters('e1', [clientId]),
    renewLease: () => edge.renewLease(details),
    liveEdges: () => control.liveEdges(),
    alive: () => control.alive(['e1']),
    askServed: () => control.askServed('e1', clientId),
    askSubscribers: () => control.askSubscribers(topic),
    forgetEnded: () => edge.forgetEnded(clientId, new Map([[topic, '1-0,2-0']])),
    answer: () => edge.answer('q1', 7),
    sendCanary: () => edge.sendCanary('e1', 'n1'),
    sweepEdges: () => control.sweepEdges(),
    ping: () => control.ping(),
    release: () => edge.release(clientId, 'e1', 'c1'),
    deleteTopic: () => control.deleteTopic(topic),
    unregisterUnused: () => control.unregisterUnused(state),
    giveUp: () => control.giveUp(state),
    unregister: () => control.unregister(clientId),
    dropLease: () => edge.dropLease('e1'),
  };
}

test('the list of calls below leaves none out', () => {
  const called = Object.keys(everyCall(its)).map((name) => name.replace(/ of .*/, ''));
  expect(new Set(called)).toEqual(new Set([...Object.keys(its.control), ...Object.keys(its.edge)]));
});

/** Ids and times differ from call to call, what else a call gives does not. */
const withoutTimes = (value: unknown) =>
  JSON.stringify(value, (_, part: unknown) => (part instanceof Map ? [...part] : part)).replaceAll(
    /[0-9a-f-]{13,}/g,
    '#',
  );

describe('a Redis that does not know the scripts', () => {
  test('is told them: every call works after SCRIPT FLUSH, with the same result', async () => {
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
      its.control.ping(),
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
    await expect.poll(() => its.redis.status, { timeout: 10_000 }).toBe('ready');
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
    return error instanceof BrokerUnavailable ? error.code : String(error);
  }
}
