import { randomUUID } from 'node:crypto';
import type { EdgeBroker, EdgePresence } from '@holdfast/broker/broker';
import type { PresentMember } from '@holdfast/broker/presence-state';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { presenceCountResponse, presenceResponse } from '@holdfast/protocol/rest/presence';
import { topicDetailsResponse } from '@holdfast/protocol/rest/topics';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReaper } from '../reaper.ts';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';

let api: TestApi;
let edge: EdgeBroker & EdgePresence;
beforeAll(async () => {
  api = await startTestApi();
  edge = edgeBroker(api.redis.commands, api.prefix);
});
afterAll(() => api.stop());

const edges: string[] = [];

/** A topic with presence, and members at an edge of its own. Gives the edge. */
async function room(topic: string, members: PresentMember[], settings = {}): Promise<string> {
  const answer = await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body: { presence: settings } });
  expect(answer.status).toBe(201);
  const id = randomUUID();
  edges.push(id);
  await edge.renewLease({
    id,
    url: 'ws://127.0.0.1:1',
    connections: 0,
    maxConnections: 1,
    draining: false,
    startedAt: 1,
  });
  await edge.notePresence(id, [topic]);
  const outcome = await edge.changePresence(topic, id, {
    sequence: 2,
    confirmed: 0,
    first: 2,
    joined: members,
    left: [],
  });
  expect(outcome).toEqual({ kind: 'changed', waitMs: null });
  return id;
}

const ann = { id: 'ann', info: '{"name":"Ann"}' };
const bob = { id: 'bob', info: null };
const read = (topic: string, query = '') => api.call('GET', `/v1/topics/${topic}/presence${query}`, { key: 'watcher' });
const count = (...topics: string[]) => api.call('POST', '/v1/presence/count', { key: 'watcher', body: { topics } });

describe('GET /v1/topics/{topic}/presence', () => {
  test('answers 200 with the members and their info, their number and the version', async () => {
    await room('room.one', [ann, bob]);
    const page = expectBody(await read('room.one'), 200, presenceResponse);
    const byId = new Map(page.members.map(({ id, info }) => [id, info]));
    expect(byId).toEqual(
      new Map<string, unknown>([
        ['ann', { name: 'Ann' }],
        ['bob', null],
      ]),
    );
    expect(page).toMatchObject({ count: 2, cursor: null });
    expect(page.version).toBe((await edge.snapshotPresence('room.one'))?.version);
  });

  test('gives page after page, each member once', async () => {
    await room(
      'room.pages',
      Array.from({ length: 25 }, (_, index) => ({ id: `u${index}`, info: null })),
    );
    const ids: string[] = [];
    for (let query: string | null = '?limit=10'; query !== null;) {
      const page: ReturnType<typeof presenceResponse.parse> = expectBody(
        await read('room.pages', query),
        200,
        presenceResponse,
      );
      expect(page.members.length).toBeLessThanOrEqual(10);
      ids.push(...page.members.map(({ id }) => id));
      query = page.cursor && `?limit=10&cursor=${page.cursor}`;
    }
    expect(new Set(ids).size).toBe(25);
    expect(ids).toHaveLength(25);
  });

  test('shows only the number when the topic does', async () => {
    await room('room.counted', [ann], { show: 'count' });
    expect((await read('room.counted')).body).toMatchObject({ count: 1, members: [], cursor: null });
  });

  test('answers 404 topic-not-found, and presence-off where there is none', async () => {
    await api.topics('room.without');
    expect(await read('room.nowhere')).toBeProblem(404, 'topic-not-found');
    expect(await read('room.without')).toBeProblem(404, 'presence-off');
  });

  test.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'cursor=',
    'cursor=x',
    'cursor=W10',
    `cursor=${'x'.repeat(2000)}`,
    'x=1',
  ])('answers 400 invalid-request to %s, naming the field', async (query) => {
    const answer = await read('room.one', `?${query}`);
    expect(answer).toBeProblem(400, 'invalid-request');
    expect(answer.body['errors']).toMatchObject([{ field: `query.${query.split('=')[0]}` }]);
  });

  test('answers 403 not-permitted without the right over the topic, whether it is there or not', async () => {
    await room('other', [ann]);
    for (const topic of ['other', 'nowhere']) expect(await read(topic)).toBeProblem(403, 'not-permitted');
    for (const key of ['all', 'powerless'] as const) {
      expect(await api.call('GET', '/v1/topics/room.one/presence', { key })).toBeProblem(403, 'not-permitted');
    }
    expect(await api.call('GET', '/v1/topics/room.one/presence')).toBeProblem(403, 'key-missing');
  });
});

describe('POST /v1/presence/count', () => {
  test('answers 200 with the numbers, without topics that have no presence', async () => {
    await room('room.a', [ann, bob]);
    await room('room.b', []);
    await api.topics('room.c');
    const body = expectBody(await count('room.a', 'room.b', 'room.c', 'room.a'), 200, presenceCountResponse);
    expect(body).toEqual({ counts: { 'room.a': 2, 'room.b': 0 } });
  });

  test('answers 404 naming topics that do not exist', async () => {
    await room('room.there', []);
    const answer = await count('room.there', 'room.gone');
    expect(answer).toBeProblem(404, 'topic-not-found');
    expect(answer.body['topics']).toEqual(['room.gone']);
  });

  test('answers 403 naming topics without the right, and 400 to a wrong body', async () => {
    const answer = await count('room.a', 'other.b');
    expect(answer).toBeProblem(403, 'not-permitted');
    expect(answer.body['topics']).toEqual(['other.b']);
    for (const body of [{}, { topics: [] }, { topics: ['@me'] }, { topics: 'room.a' }, { topics: ['a'], more: 1 }]) {
      const wrong = await api.call('POST', '/v1/presence/count', { key: 'watcher', body });
      expect(wrong).toBeProblem(400, 'invalid-request');
    }
  });
});

test('GET /v1/topics/{topic} tells how many are present, to any API key', async () => {
  await room('room.seen', [ann, bob]);
  await api.topics('room.unseen');
  const present = async (topic: string, key: 'watcher' | 'all') =>
    expectBody(await api.call('GET', `/v1/topics/${topic}`, { key }), 200, topicDetailsResponse).present;
  expect(await present('room.seen', 'watcher')).toBe(2);
  expect(await present('room.seen', 'all')).toBe(2);
  expect(await present('room.unseen', 'watcher')).toBeNull();
});

test('the reaper takes out the members of an edge that died, and not before edges may have renewed their leases', async () => {
  // Those of other tests are gone already.
  for (const other of edges) await edge.dropLease(other);
  await api.broker.reapPresence();
  const id = await room('room.reaped', [ann]);
  await edge.dropLease(id);
  const began = performance.now();
  const { broker, redis, keys } = api;
  const stop = startReaper({ broker, redis, keys, expiry: () => null, logger: api.log.logger });
  await eventually(() => expect(api.log.linesWith('members of edges that are gone')).toMatchObject([{ gone: 1 }]));
  stop();
  expect(performance.now() - began).toBeGreaterThan(2_000);
  expect((await count('room.reaped')).body).toEqual({ counts: { 'room.reaped': 0 } });
});
