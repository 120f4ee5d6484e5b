import { redisKeys } from '@holdfast/broker/keys';
import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { APP, type TestApi, startTestApi } from '../testing/api.ts';
import { type TestEdge, startTestEdge } from '../testing/edge.ts';
import { signedCall } from '../testing/signed-calls.ts';

const topicOf = (channel: string, appId = APP.appId) => channelTopic(appId, channel);
const ONLINE = topicOf(onlineChannel('ann'));
const OCCUPIED = ['orders', 'presence-room', 'presence-hall', 'cache-news', '#server-to-user-ann'];

let api: TestApi;
let edge: TestEdge;
let other: TestEdge;
beforeAll(async () => {
  api = await startTestApi();
  edge = await startTestEdge(api, {
    topics: [...OCCUPIED.map((name) => topicOf(name)), ONLINE],
    connections: 5,
    appConnections: { [APP.appId]: 3, small: 10 },
  });
  other = await startTestEdge(api, { connections: 9, appConnections: { [APP.appId]: 4 } });
  const presence = { by: 'user', show: 'members', limit: 100, graceSeconds: 0 } as const;
  for (const name of OCCUPIED) {
    await edge.broker.openChannel(topicOf(name), name.startsWith('presence-') ? presence : null);
  }
  const ofAnother = topicOf('orders', 'small');
  await edge.broker.changeOccupancy(edge.id, [...OCCUPIED.map((name) => topicOf(name)), ONLINE, ofAnother], []);
  const known = { sequence: 1, members: Array.from({ length: 1500 }, (_, index) => member(`u-${index}`)) };
  await edge.broker.setPresence(topicOf('presence-hall'), edge.id, known);
  await edge.broker.setPresence(topicOf('presence-room'), edge.id, {
    sequence: 1,
    members: [member('1'), member('b')],
  });
});
afterAll(async () => {
  edge.stop();
  other.stop();
  await api.stop();
});

afterEach(() => vi.restoreAllMocks());

const get = (path: string, query: Record<string, string> = {}) => signedCall(api, 'GET', `/apps/3${path}`, { query });
const body = async (path: string, query: Record<string, string> = {}) => {
  const answer = await get(path, query);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body;
};
const member = (id: string) => ({ id, info: null });
const end = (user: string, given: unknown = {}) =>
  signedCall(api, 'POST', `/apps/3/users/${user}/terminate_connections`, { body: given });
const named = (start: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${start}${String(index).padStart(5, '0')}`);
const noSubscriptions = (name: string) => [name, { subscription_count: 0 }];
const occupyOfSmall = (names: string[]) =>
  edge.broker.changeOccupancy(
    edge.id,
    names.map((name) => topicOf(name, 'small')),
    [],
  );
const wrong = (field: string) => ({ errors: [{ field, rule: expect.any(String) as string }] });

describe('the list of channels', () => {
  test('has those of the app that are occupied, and none of users', async () => {
    const channels = { 'cache-news': {}, orders: {}, 'presence-hall': {}, 'presence-room': {} };
    expect(await body('/channels')).toEqual({ channels });
  });

  test('has those with a prefix, with what is asked for', async () => {
    expect(await body('/channels', { filter_by_prefix: 'presence-', info: 'user_count' })).toEqual({
      channels: { 'presence-hall': { user_count: 1500 }, 'presence-room': { user_count: 2 } },
    });
    expect(await body('/channels', { filter_by_prefix: 'ord', info: 'subscription_count' })).toEqual({
      channels: { orders: { subscription_count: 1 } },
    });
    expect(await body('/channels', { filter_by_prefix: 'none', info: '' })).toEqual({ channels: {} });
  });

  test('has user_count for presence channels only, and no other attribute', async () => {
    expect(await get('/channels', { info: 'user_count' })).toBeProblem(400, 'invalid-request', wrong('query.info'));
    expect(await get('/channels', { info: 'user_count', filter_by_prefix: 'presence' })).toBeProblem(
      400,
      'invalid-request',
    );
    expect(await get('/channels', { info: 'cache' })).toBeProblem(400, 'invalid-request', wrong('query.info'));
    expect(await get('/channels', { filter_by_prefix: 'a b' })).toBeProblem(
      400,
      'invalid-request',
      wrong('query.filter_by_prefix'),
    );
  });

  describe('that is long', () => {
    const app = { key: 'small-key', secret: 'small-secret' };
    const list = (query: Record<string, string>) => signedCall(api, 'GET', '/apps/small/channels', { app, query });

    test('has the subscriptions of a thousand channels, and is refused for more, before any is counted', async () => {
      const names = named('many-', 1001);
      await occupyOfSmall(names);
      const surveys = vi.spyOn(api.broker, 'surveySubscribers');
      const query = { filter_by_prefix: 'many-', info: 'subscription_count' };
      expect(await list(query)).toBeProblem(400, 'invalid-request', wrong('query.info'));
      expect(surveys).not.toHaveBeenCalled();
      expect(Object.keys((await list({ filter_by_prefix: 'many-' })).body['channels'] as object)).toEqual(names);
      const { body: some } = await list({ ...query, filter_by_prefix: 'many-00' });
      expect(some['channels']).toEqual(Object.fromEntries(names.slice(0, 1000).map(noSubscriptions)));
      expect(surveys).toHaveBeenCalledTimes(1000);
    });

    test('has the users of many presence channels, counted where large answers are', async () => {
      const names = named('presence-many-', 1001);
      await occupyOfSmall(names);
      const counts = vi.spyOn(api.broker, 'countPresent');
      const { body: found } = await list({ filter_by_prefix: 'presence-many-', info: 'user_count,subscription_count' });
      expect(found['channels']).toEqual(Object.fromEntries(names.map((name) => [name, { user_count: 0 }])));
      expect(counts).not.toHaveBeenCalled();
    });

    test('is refused past ten thousand channels', async () => {
      const key = redisKeys(api.prefix).edgeTopics(edge.id);
      await api.redis.commands.sadd(key, ...named('flood-', 10_001).map((name) => topicOf(name, 'small')));
      expect(await list({ filter_by_prefix: 'flood-' })).toBeProblem(
        400,
        'invalid-request',
        wrong('query.filter_by_prefix'),
      );
      expect((await list({ filter_by_prefix: 'flood-0' })).status).toBe(200);
    });

    test('holds as many bytes as its answer has', async () => {
      const limited = await startTestApi(api.url, [], [], { maxBytesInFlight: 4 * MAX_PAGE_BYTES });
      const its = await startTestEdge(limited, {});
      const names = named('c'.repeat(190), 1200);
      await its.broker.changeOccupancy(
        its.id,
        names.map((name) => topicOf(name)),
        [],
      );
      const listOf = (prefix: string) =>
        signedCall(limited, 'GET', '/apps/3/channels', { query: { filter_by_prefix: prefix } });
      expect(Object.keys((await listOf(`${'c'.repeat(190)}00`)).body['channels'] as object)).toHaveLength(1000);
      expect(await listOf('c')).toBeProblem(429, 'too-many-calls');
      its.stop();
      await limited.stop();
    });
  });
});

describe('a channel', () => {
  const all = { info: 'user_count,subscription_count,cache' };

  test('is occupied or not, with what is of its kind', async () => {
    expect(await body('/channels/orders')).toEqual({ occupied: true });
    expect(await body('/channels/orders', all)).toEqual({ occupied: true, subscription_count: 1 });
    expect(await body('/channels/presence-room', all)).toEqual({ occupied: true, user_count: 2 });
    expect(await body('/channels/none', all)).toEqual({ occupied: false, subscription_count: 0 });
    expect(await body('/channels/presence-none', all)).toEqual({ occupied: false, user_count: 0 });
  });

  test('that keeps its last event shows it, or null', async () => {
    expect(await body('/channels/cache-news', all)).toEqual({ occupied: true, subscription_count: 1, cache: null });
    const event = { name: 'x', data: '{"a":1}', channel: 'cache-news' };
    await signedCall(api, 'POST', '/apps/3/events', { body: event });
    const { cache } = (await body('/channels/cache-news', all)) as { cache: { data: string; ttl: number } };
    expect(cache.data).toBe('{"a":1}');
    expect(cache.ttl).toBeGreaterThan(1700);
    expect(cache.ttl).toBeLessThanOrEqual(1800);
  });

  test('that can be none is refused', async () => {
    expect(await get('/channels/a%20b')).toBeProblem(400, 'invalid-request', wrong('path.channel'));
    expect(await get('/channels/orders', { info: 'members' })).toBeProblem(400, 'invalid-request', wrong('query.info'));
  });

  test('of an edge that does not answer has no number of subscriptions, and is answered', async () => {
    const silent = await startTestEdge(api, { topics: [topicOf('silent')] });
    silent.fallSilent();
    expect(await body('/channels/silent', { info: 'subscription_count' })).toEqual({ occupied: false });
    silent.stop();
  });
});

describe('the users on a channel', () => {
  test('are listed, all of them and each once', async () => {
    expect(await body('/channels/presence-room/users')).toEqual({
      users: expect.arrayContaining([{ id: '1' }, { id: 'b' }]) as unknown,
    });
    const { users } = (await body('/channels/presence-hall/users')) as { users: { id: string }[] };
    expect(new Set(users.map(({ id }) => id)).size).toBe(1500);
    expect(users).toHaveLength(1500);
    expect(await body('/channels/presence-none/users')).toEqual({ users: [] });
  });

  test('are there on presence channels only', async () => {
    expect(await get('/channels/orders/users')).toBeProblem(400, 'invalid-request', wrong('path.channel'));
  });
});

describe('the connections of a user', () => {
  test('are ended at the edges that have some, and it is in the audit log', async () => {
    const before = edge.received.length;
    expect(await end('ann')).toMatchObject({ status: 200, text: '{}' });
    await eventually(() =>
      expect(edge.received.slice(before)).toEqual([{ topic: ONLINE, payload: { kind: 'terminate' } }]),
    );
    const fields = { action: 'terminate-connections', user: 'ann', key: 'ofApp', outcome: 'done', status: 200 };
    expect(api.log.linesWith('audit')).toContainEqual(expect.objectContaining(fields));
  });

  test('answer 503 while an edge that has some is not subscribed', async () => {
    const topic = topicOf(onlineChannel('carl'));
    await other.broker.changeOccupancy(other.id, [topic], []);
    const answer = await end('carl');
    expect(answer).toBeProblem(503, 'redis-unavailable', {
      detail: expect.stringMatching(/^1 of the edges/) as string,
    });
    expect(answer.headers['retry-after']).toBe('1');
    await other.broker.changeOccupancy(other.id, [], [topic]);
    expect((await end('carl')).status).toBe(200);
  });

  test('of a user who can be none are refused', async () => {
    expect(await end('a%22b')).toBeProblem(400, 'invalid-request', wrong('path.user'));
    expect((await end('bob', undefined)).status).toBe(200);
  });
});

test('the connections of an app are those that edges have reported', async () => {
  expect(await body('/connections')).toEqual({ connections: 7 });
});

test('/up says that the process lives, without a signature', async () => {
  expect(await api.call('GET', '/up')).toMatchObject({ status: 200, text: '{"health":"OK"}' });
});

test('what a path does not have is refused with its methods', async () => {
  const answer = await api.call('DELETE', '/apps/3/channels');
  expect(answer).toBeProblem(405, 'method-not-allowed');
  expect(await api.call('GET', '/apps/3/nothing')).toBeProblem(404, 'route-not-found');
});
