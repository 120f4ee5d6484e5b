import { logResponse } from '@holdfast/protocol/rest/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const path = (topic: string, query = '') => `/v1/topics/${topic}/messages${query}`;

async function publish(topic: string, ...texts: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const text of texts) {
    const outcome = await api.broker.publish(topic, Buffer.from(text));
    if (outcome.kind !== 'published') throw new Error(`${topic}: ${outcome.kind}`);
    ids.push(outcome.id);
  }
  return ids;
}

async function read(topic: string, query = '') {
  return expectBody(await api.call('GET', path(topic, query), { key: 'all' }), 200, logResponse);
}

describe('GET /v1/topics/{topic}/messages', () => {
  test('answers 200 with every byte of the log as it was published', async () => {
    await api.topics('news.bytes');
    const texts = ['12345678901234567890', ' 1.0', '{"a":1,  "a":2}', '"\\u20ac €"', 'null'];
    const ids = await publish('news.bytes', ...texts);
    const answer = await api.call('GET', path('news.bytes'), { key: 'all' });
    expectBody(answer, 200, logResponse);
    const messages = texts.map((text, index) => `{"id":"${ids[index]}","data":${text}}`);
    expect(answer.text).toBe(`{"messages":[${messages.join(',')}],"complete":true}`);
  });

  test('answers 200 with no messages to a topic without any', async () => {
    await api.topics('news.empty');
    expect(await read('news.empty')).toEqual({ messages: [], complete: true });
  });

  test('gives what follows a position, page by page', async () => {
    await api.topics('news.pages');
    const ids = await publish('news.pages', '0', '1', '2', '3', '4');
    expect((await read('news.pages', `?after=${ids[1]}`)).messages.map(({ data }) => data)).toEqual([2, 3, 4]);
    expect(await read('news.pages', `?after=${ids[0]}&limit=2`)).toEqual({
      messages: [
        { id: ids[1], data: 1 },
        { id: ids[2], data: 2 },
      ],
      complete: true,
      more: true,
    });
    expect(await read('news.pages', `?after=${ids[4]}`)).toEqual({ messages: [], complete: true });
  });

  test('answers at most 256 KiB, and says that there is more', async () => {
    await api.topics('news.large');
    const large = JSON.stringify('x'.repeat(65_000));
    const ids = await publish('news.large', ...Array<string>(10).fill(large));
    const seen: string[] = [];
    for (let more: true | undefined = true; more === true;) {
      const after = seen.length === 0 ? '' : `&after=${seen.at(-1)}`;
      const answer = await api.call('GET', path('news.large', `?limit=1000${after}`), { key: 'all' });
      const page = expectBody(answer, 200, logResponse);
      expect(Buffer.byteLength(answer.text)).toBeLessThanOrEqual(256 * 1024);
      seen.push(...page.messages.map(({ id }) => id));
      more = page.more;
    }
    expect(seen).toEqual(ids);
  });

  test('says that it is not complete when older messages than asked for are gone', async () => {
    await api.broker.putTopic('news.short', { size: 2 });
    const ids = await publish('news.short', '0', '1', '2', '3');
    expect(await read('news.short')).toMatchObject({ complete: false, messages: [{ id: ids[2] }, { id: ids[3] }] });
    expect((await read('news.short', `?after=${ids[0]}`)).complete).toBe(false);
    expect((await read('news.short', `?after=${ids[1]}`)).complete).toBe(true);
  });

  test('is open to keys that may subscribe to the topic or publish to it, and answers 403 to others', async () => {
    await api.topics('news.open', 'other');
    for (const key of ['readers', 'news', 'all'] as const) {
      expectBody(await api.call('GET', path('news.open'), { key }), 200, logResponse);
    }
    for (const key of ['powerless', 'toClients'] as const) {
      expect(await api.call('GET', path('news.open'), { key })).toBeProblem(403, 'not-permitted', {
        topics: ['news.open'],
      });
    }
    expect(await api.call('GET', path('other'), { key: 'readers' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('GET', path('news.open'))).toBeProblem(403, 'key-missing');
  });

  test('answers 404 topic-not-found', async () => {
    const answer = await api.call('GET', path('news.nowhere'), { key: 'all' });
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.nowhere'] });
  });

  test.each(['after=1', 'after=1-2-3', 'after=-1-0', 'after=', 'limit=0', 'limit=1001', 'from=1-0'])(
    'answers 400 invalid-request to ?%s, naming the field',
    async (query) => {
      const answer = await api.call('GET', path('news.bytes', `?${query}`), { key: 'all' });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field: `query.${query.split('=')[0]}` }]);
    },
  );
});
