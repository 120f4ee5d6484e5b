import {
  deleteTopicResponse,
  topicDetailsResponse,
  topicResponse,
  topicsListResponse,
} from '@holdfast/protocol/rest/topics';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const path = (topic: string) => `/v1/topics/${topic}`;
const put = (topic: string, body?: unknown) => api.call('PUT', path(topic), { key: 'all', body });

describe('PUT /v1/topics/{topic}', () => {
  test('answers 201 with the settings and the position, and the usual settings when none are given', async () => {
    const topic = expectBody(await put('news.new'), 201, topicResponse);
    expect(topic).toMatchObject({ topic: 'news.new', history: { size: 1000, seconds: 300 } });
    const given = expectBody(await put('news.set', { history: { size: 5, seconds: 60 } }), 201, topicResponse);
    expect(given.history).toEqual({ size: 5, seconds: 60 });
  });

  test('answers 200 to one that is there, changes the settings given, and keeps the others and the position', async () => {
    const created = expectBody(await put('news.there', { history: { size: 5, seconds: 60 } }), 201, topicResponse);
    const same = expectBody(await put('news.there'), 200, topicResponse);
    expect(same).toEqual(created);
    const changed = expectBody(await put('news.there', { history: { size: 7 } }), 200, topicResponse);
    expect(changed).toEqual({ ...created, history: { size: 7, seconds: 60 } });
  });

  test('takes a name of 200 characters', async () => {
    expect(expectBody(await put('x'.repeat(200)), 201, topicResponse).topic).toHaveLength(200);
  });

  test.each(['a b', 'a..b', '.a', 'a.', '@me', 'a%2Fb', '{a}', 'x'.repeat(201), 'x'.repeat(3000), 'a*', '%C3%A4'])(
    'answers 400 invalid-request to the name %s',
    async (name) => {
      const answer = await api.call('PUT', path(name.replace(/[{} ]/g, encodeURIComponent)), { key: 'all' });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field: 'path.topic' }]);
    },
  );

  test('answers 400 invalid-request to settings out of bounds and to unknown ones, naming the field', async () => {
    const cases: [unknown, string][] = [
      [{ history: { size: -1 } }, 'body.history.size'],
      [{ history: { size: 1_000_001 } }, 'body.history.size'],
      [{ history: { size: 1.5 } }, 'body.history.size'],
      [{ history: { size: '5' } }, 'body.history.size'],
      [{ history: { seconds: 0 } }, 'body.history.seconds'],
      [{ history: { seconds: 30 * 24 * 3600 + 1 } }, 'body.history.seconds'],
      [{ history: { sizes: 5 } }, 'body.history.sizes'],
      [{ size: 5 }, 'body.size'],
    ];
    for (const [body, field] of cases) {
      const answer = await put('news.bad', body);
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors'], `of ${JSON.stringify(body)}`).toMatchObject([{ field }]);
    }
    expect(await api.broker.readTopics(['news.bad'])).toEqual([null]);
  });

  test('answers 400 malformed-json, 413 payload-too-large and 415 unsupported-media-type', async () => {
    const options = { key: 'all', raw: '{' } as const;
    expect(await api.call('PUT', path('news.bad'), options)).toBeProblem(400, 'malformed-json');
    const large = { key: 'all', raw: `"${'x'.repeat(300_000)}"` } as const;
    expect(await api.call('PUT', path('news.bad'), large)).toBeProblem(413, 'payload-too-large');
    const text = { key: 'all', raw: 'x', headers: { 'content-type': 'text/plain' } } as const;
    expect(await api.call('PUT', path('news.bad'), text)).toBeProblem(415, 'unsupported-media-type');
  });

  test('answers 403 key-missing, and not-permitted for a topic that no manage pattern of the key fits', async () => {
    expect(await api.call('PUT', path('news.x'))).toBeProblem(403, 'key-missing');
    const denied = await api.call('PUT', path('other.x'), { key: 'news' });
    expect(denied).toBeProblem(403, 'not-permitted', { topics: ['other.x'] });
    expect(await api.broker.readTopics(['other.x'])).toEqual([null]);
    expectBody(await api.call('PUT', path('news.x'), { key: 'news' }), 201, topicResponse);
  });
});

describe('GET /v1/topics', () => {
  test('answers 200 with every topic once, page by page in the order of names, to any key', async () => {
    const own = await startTestApi();
    try {
      const names = ['a', 'a.b', 'b', 'c-1', 'd', 'e', 'f'];
      await own.topics(...names.toReversed());
      const found: string[] = [];
      let query = '?limit=3';
      for (;;) {
        const answer = await own.call('GET', `/v1/topics${query}`, { key: 'powerless' });
        const page = expectBody(answer, 200, topicsListResponse);
        expect(page.topics.length).toBeLessThanOrEqual(3);
        found.push(...page.topics.map(({ topic }) => topic));
        if (page.cursor === null) break;
        query = `?limit=3&cursor=${page.cursor}`;
      }
      expect(found).toEqual(names);
    } finally {
      await own.stop();
    }
  });

  test('answers 200 with those of a prefix alone, and 400 to what no name begins with', async () => {
    const own = await startTestApi();
    try {
      await own.topics('room.a', 'room.b', 'rooms', 'news');
      const names = async (prefix: string) => {
        const answer = await own.call('GET', `/v1/topics?prefix=${prefix}`, { key: 'powerless' });
        return expectBody(answer, 200, topicsListResponse).topics.map(({ topic }) => topic);
      };
      expect(await names('room')).toEqual(['room.a', 'room.b', 'rooms']);
      expect(await names('room.')).toEqual(['room.a', 'room.b']);
      expect(await names('x')).toEqual([]);
      for (const prefix of ['', 'a*', 'x'.repeat(201)]) {
        const answer = await own.call('GET', `/v1/topics?prefix=${prefix}`, { key: 'powerless' });
        expect(answer).toBeProblem(400, 'invalid-request');
        expect(answer.body['errors']).toMatchObject([{ field: 'query.prefix' }]);
      }
    } finally {
      await own.stop();
    }
  });

  test('answers 403 without a valid key, and 400 to a bad query', async () => {
    expect(await api.call('GET', '/v1/topics')).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', '/v1/topics', { key: 'expired' })).toBeProblem(403, 'key-expired');
    expect(await api.call('GET', '/v1/topics?limit=1e2', { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.call('GET', '/v1/topics?cursor=a%20b', { key: 'all' })).toBeProblem(400, 'invalid-request');
  });
});

describe('GET /v1/topics/{topic}', () => {
  test('answers 200 with the settings and the last position, to any key', async () => {
    await api.topics('news.read');
    const published = await api.broker.publish('news.read', Buffer.from('1'));
    const answer = await api.call('GET', path('news.read'), { key: 'powerless' });
    const topic = expectBody(answer, 200, topicDetailsResponse);
    expect(topic).toEqual({
      topic: 'news.read',
      history: { size: 1000, seconds: 300 },
      position: 'id' in published ? published.id : 'not published',
      expireSeconds: null,
      presence: null,
      subscribers: 0,
      present: null,
    });
  });

  test('counts the connected subscribers of all edges, and does not know when one keeps silent', async () => {
    await api.topics('news.counted');
    const edges = [
      await startTestEdge(api, { topics: ['news.counted'] }),
      await startTestEdge(api, { topics: ['news.counted'] }),
    ];
    const read = async () =>
      expectBody(await api.call('GET', path('news.counted'), { key: 'all' }), 200, topicDetailsResponse).subscribers;
    expect(await read()).toBe(2);
    edges[0]?.fallSilent();
    expect(await read()).toBeNull();
    const surveys = vi.spyOn(api.broker, 'surveySubscribers');
    onTestFinished(() => surveys.mockRestore());
    const plain = await api.call('GET', `${path('news.counted')}?subscribers=false`, { key: 'all' });
    expect(expectBody(plain, 200, topicDetailsResponse).subscribers).toBeNull();
    expect(surveys).not.toHaveBeenCalled();
    expect(await api.call('GET', `${path('news.counted')}?subscribers=no`, { key: 'all' })).toBeProblem(
      400,
      'invalid-request',
    );
    for (const edge of edges) edge.stop();
  });

  test('answers 404 topic-not-found, 403 key-unknown and 400 invalid-request', async () => {
    const missing = await api.call('GET', path('news.nowhere'), { key: 'all' });
    expect(missing).toBeProblem(404, 'topic-not-found', { topics: ['news.nowhere'] });
    const headers = { 'x-api-key': 'x.y' };
    expect(await api.call('GET', path('news.nowhere'), { headers })).toBeProblem(403, 'key-unknown');
    expect(await api.call('GET', path('a+b'), { key: 'all' })).toBeProblem(400, 'invalid-request');
  });
});

describe('DELETE /v1/topics/{topic}', () => {
  test('answers 200, and the topic and its log are gone', async () => {
    await api.topics('news.end');
    await api.broker.publish('news.end', Buffer.from('1'));
    const answer = await api.call('DELETE', path('news.end'), { key: 'news' });
    expect(expectBody(answer, 200, deleteTopicResponse)).toEqual({ topic: 'news.end' });
    expect(await api.broker.readLog('news.end', null, 10)).toBeNull();
  });

  test('answers 404 topic-not-found, also the second time', async () => {
    await api.topics('news.once');
    await api.call('DELETE', path('news.once'), { key: 'all' });
    const answer = await api.call('DELETE', path('news.once'), { key: 'all' });
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.once'] });
  });

  test('answers 403 key-missing and not-permitted, and 400 invalid-request; the topic stays', async () => {
    await api.topics('other.stays');
    expect(await api.call('DELETE', path('other.stays'))).toBeProblem(403, 'key-missing');
    expect(await api.call('DELETE', path('other.stays'), { key: 'news' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('DELETE', path('a%20b'), { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.broker.readTopics(['other.stays'])).not.toEqual([null]);
  });
});

describe('the quotas of a key', () => {
  test('answer 409 where it would make more topics, or longer histories, than it may', async () => {
    const make = (name: string, size: number) =>
      api.call('PUT', `/v1/topics/quota.${name}`, { key: 'maker', body: { history: { size } } });
    expect((await make('a', 6)).status).toBe(201);
    expect(await make('b', 5)).toBeProblem(409, 'history-quota-reached');
    expect((await make('b', 4)).status).toBe(201);
    expect(await make('c', 0)).toBeProblem(409, 'topic-quota-reached');
    expect(await make('a', 7)).toBeProblem(409, 'history-quota-reached');
    expect((await api.call('DELETE', '/v1/topics/quota.b', { key: 'all' })).status).toBe(200);
    expect((await make('c', 4)).status).toBe(201);
  });
});
