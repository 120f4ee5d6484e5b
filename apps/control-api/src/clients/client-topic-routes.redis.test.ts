import { randomUUID } from 'node:crypto';
import { closedRanges } from '@holdfast/broker/client-state';
import { topicsResponse } from '@holdfast/protocol/rest/clients';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a', 'news.b', 'news.c', 'other');
});
afterAll(() => api.stop());

const path = (clientId: string) => `/v1/clients/${clientId}/topics`;
const subscribe = (clientId: string, topics: unknown) => api.call('POST', path(clientId), { body: { topics } });
const unsubscribe = (clientId: string, topics: unknown) => api.call('DELETE', path(clientId), { body: { topics } });
const topicsOf = async (clientId: string) =>
  [...((await api.broker.readClient(clientId))?.topics.keys() ?? [])].toSorted();

describe('SubscribeTopic', () => {
  test('answers 202 with all topics that the client now has, for a list and for a text with commas', async () => {
    const clientId = await api.client();
    const first = expectBody(await subscribe(clientId, ['news.b']), 202, topicsResponse);
    expect(first).toEqual({ clientId, topics: ['news.b'], connected: false });
    const second = expectBody(await subscribe(clientId, 'other, news.a,news.a'), 202, topicsResponse);
    expect(second.topics).toEqual(['news.a', 'news.b', 'other']);
  });

  test('takes the UUID in any case, and ignores an API key', async () => {
    const clientId = await api.client();
    const options = { body: { topics: ['news.a'] }, headers: { 'x-api-key': 'missing.nothing' } };
    const answer = await api.call('POST', path(clientId.toUpperCase()), options);
    expect(expectBody(answer, 202, topicsResponse).clientId).toBe(clientId);
  });

  test('a second time changes nothing: the subscription keeps the position at which it began', async () => {
    const clientId = await api.client({ topics: ['news.a'] });
    const began = (await api.broker.readClient(clientId))?.topics.get('news.a');
    await api.broker.publish('news.a', Buffer.from('1'));
    expectBody(await subscribe(clientId, ['news.a']), 202, topicsResponse);
    expect((await api.broker.readClient(clientId))?.topics.get('news.a')).toBe(began);
  });

  test('tells whether the client is connected, and notifies its edge; not when that edge is dead', async () => {
    const edge = await startTestEdge(api);
    const clientId = await api.client();
    await edge.hold(clientId);
    expect(expectBody(await subscribe(clientId, ['news.a']), 202, topicsResponse).connected).toBe(true);
    expect(await edge.broker.readPending(edge.id, 10)).toContain(clientId);
    await edge.die();
    expect(expectBody(await subscribe(clientId, ['news.b']), 202, topicsResponse).connected).toBe(false);
    edge.stop();
  });

  test('never lists a topic that was deleted, and drops what is left of it', async () => {
    await api.topics('news.brief', 'news.reborn');
    const clientId = await api.client({ topics: ['news.brief', 'news.reborn', 'news.a'] });
    await api.broker.deleteTopic('news.brief');
    await api.broker.deleteTopic('news.reborn');
    await api.topics('news.reborn');
    expect(expectBody(await subscribe(clientId, ['news.b']), 202, topicsResponse).topics).toEqual(['news.a', 'news.b']);
    expect(await topicsOf(clientId)).toEqual(['news.a', 'news.b']);
    expect(expectBody(await subscribe(clientId, ['news.reborn']), 202, topicsResponse).topics).toContain('news.reborn');
  });

  test('answers 400 invalid-request naming the field and the rule', async () => {
    const clientId = await api.client();
    const cases: [unknown, string][] = [
      [undefined, 'body'],
      [{}, 'body.topics'],
      [[], 'body'],
      [{ topics: [] }, 'body.topics'],
      [{ topics: '' }, 'body.topics[0]'],
      [{ topics: 'news.a,,news.b' }, 'body.topics[1]'],
      [{ topics: ['news.a', 'news..b'] }, 'body.topics[1]'],
      [{ topics: ['x'.repeat(201)] }, 'body.topics[0]'],
      [{ topics: ['@me'] }, 'body.topics[0]'],
      [{ topics: ['{news}'] }, 'body.topics[0]'],
      [{ topics: ['__proto__'] }, 'body.topics[0]'],
      [{ topics: 5 }, 'body.topics'],
      [{ topics: ['news.a', 5] }, 'body.topics[1]'],
      [{ topics: ['news.a'], topic: 'news.b' }, 'body.topic'],
    ];
    for (const [body, field] of cases) {
      const answer = await api.call('POST', path(clientId), { body });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors'], `of ${JSON.stringify(body)}`).toMatchObject([{ field }]);
    }
    expect(await topicsOf(clientId)).toEqual([]);
  });

  test('answers 400 to own fields with the names of prototypes, and is not harmed', async () => {
    const clientId = await api.client();
    for (const raw of ['{"topics":["news.a"],"__proto__":{"x":1}}', '{"topics":["news.a"],"constructor":{}}']) {
      expect(await api.call('POST', path(clientId), { raw })).toBeProblem(400, 'invalid-request');
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('answers 400 too-many-topics past 1,000 in one call, and past 1,000 in all; nothing is added', async () => {
    const names = Array.from({ length: 1001 }, (_, index) => `many.${index}`);
    await Promise.all(names.map((name) => api.broker.putTopic(name, {})));
    const clientId = await api.client();
    expect(await subscribe(clientId, names)).toBeProblem(400, 'too-many-topics');
    expectBody(await subscribe(clientId, names.slice(0, 999)), 202, topicsResponse);
    expect(await subscribe(clientId, names.slice(999))).toBeProblem(400, 'too-many-topics');
    expect(await topicsOf(clientId)).toHaveLength(999);
    expectBody(await subscribe(clientId, names.slice(1000)), 202, topicsResponse);
  });

  test('answers 400 invalid-request to what is not a UUID, and malformed-json', async () => {
    expect(await subscribe('not-an-id', ['news.a'])).toBeProblem(400, 'invalid-request');
    expect(await api.call('POST', path(randomUUID()), { raw: '{"topics"' })).toBeProblem(400, 'malformed-json');
  });

  test('answers 403 unknown-client', async () => {
    expect(await subscribe(randomUUID(), ['news.a'])).toBeProblem(403, 'unknown-client');
  });

  test('answers 403 not-permitted naming the topics that its key may not subscribe to, and subscribes to none', async () => {
    const clientId = await api.client({ key: 'news' });
    expect(await subscribe(clientId, ['news.a', 'other'])).toBeProblem(403, 'not-permitted', { topics: ['other'] });
    expect(await topicsOf(clientId)).toEqual([]);
  });

  test('answers 403 not-permitted, and says why, when its key has expired or is gone from the keys file', async () => {
    const clientId = await api.client({ key: 'one' });
    const key = api.keys.get('one');
    if (key === undefined) throw new Error('the key "one" is one of the tests');
    const others = api.keys.ids().flatMap((id) => (id === 'one' ? [] : (api.keys.get(id) ?? [])));
    api.keys.replace([...others, { ...key, expiresAt: '2020-01-01T00:00:00Z' }]);
    expect(await subscribe(clientId, ['news.a'])).toBeProblem(403, 'not-permitted', {
      detail: 'The API key "one", which the client was registered with, has expired',
    });
    api.keys.replace(others);
    expect(await subscribe(clientId, ['news.a'])).toBeProblem(403, 'not-permitted', {
      detail: 'The API key "one", which the client was registered with, is gone',
    });
    api.keys.replace([...others, key]);
    expectBody(await subscribe(clientId, ['news.a']), 202, topicsResponse);
  });

  test('answers 404 topic-not-found naming the topics that do not exist, and subscribes to none', async () => {
    const clientId = await api.client();
    const answer = await subscribe(clientId, ['news.a', 'news.nowhere', 'nothing']);
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.nowhere', 'nothing'] });
    expect(await topicsOf(clientId)).toEqual([]);
  });

  test('answers 413 payload-too-large and 415 unsupported-media-type', async () => {
    const clientId = await api.client();
    const raw = `{"topics":"${'x'.repeat(300_000)}"}`;
    expect(await api.call('POST', path(clientId), { raw })).toBeProblem(413, 'payload-too-large');
    const headers = { 'content-type': 'text/xml' };
    expect(await api.call('POST', path(clientId), { raw: '<a/>', headers })).toBeProblem(415, 'unsupported-media-type');
  });

  test('a body of 1,000 topics with the longest names is not too large', async () => {
    const topics = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(200, 'n'));
    const answer = await subscribe(await api.client(), topics);
    expect(answer).toBeProblem(404, 'topic-not-found');
  });
});

describe('UnSubscribeTopic', () => {
  test('answers 202 with all topics that the client still has, for a body and for ?topics=', async () => {
    const clientId = await api.client({ topics: ['news.a', 'news.b', 'news.c', 'other'] });
    const first = expectBody(await unsubscribe(clientId, ['news.a']), 202, topicsResponse);
    expect(first).toEqual({ clientId, topics: ['news.b', 'news.c', 'other'], connected: false });
    expect(expectBody(await unsubscribe(clientId, 'other'), 202, topicsResponse).topics).toEqual(['news.b', 'news.c']);
    const third = await api.call('DELETE', `${path(clientId)}?topics=news.b,news.c`);
    expect(expectBody(third, 202, topicsResponse).topics).toEqual([]);
    expect(await topicsOf(clientId)).toEqual([]);
  });

  test('answers 202 also when the client was not subscribed', async () => {
    const clientId = await api.client();
    expect(expectBody(await unsubscribe(clientId, ['news.a']), 202, topicsResponse).topics).toEqual([]);
  });

  test('takes ?topics= beside a content type without a body', async () => {
    const clientId = await api.client({ topics: ['news.a'] });
    const headers = { 'content-type': 'application/json' };
    const answer = await api.call('DELETE', `${path(clientId)}?topics=news.a`, { headers });
    expect(expectBody(answer, 202, topicsResponse).topics).toEqual([]);
  });

  test('needs no right: a client may leave what its key may no longer subscribe to', async () => {
    const clientId = await api.client({ topics: ['other'] });
    const keys = api.keys.ids().flatMap((id) => api.keys.get(id) ?? []);
    api.keys.replace(keys.filter(({ id }) => id !== 'all'));
    const answer = await unsubscribe(clientId, ['other']);
    api.keys.replace(keys);
    expect(expectBody(answer, 202, topicsResponse).topics).toEqual([]);
  });

  test('notifies the edge of a connected client', async () => {
    const edge = await startTestEdge(api);
    const clientId = await api.client({ topics: ['news.a'] });
    await edge.hold(clientId);
    expect(expectBody(await unsubscribe(clientId, ['news.a']), 202, topicsResponse).connected).toBe(true);
    expect(await edge.broker.readPending(edge.id, 10)).toContain(clientId);
    await edge.die();
    edge.stop();
  });

  test('leaves the edge the range up to the last message before it, which may still be on its way', async () => {
    await api.topics('news.range');
    const edge = await startTestEdge(api);
    const clientId = await api.client({ topics: ['news.range'] });
    await edge.hold(clientId);
    const published = await api.broker.publish('news.range', Buffer.from('1'));
    expectBody(await unsubscribe(clientId, ['news.range']), 202, topicsResponse);
    const closed = (await api.broker.readClient(clientId))?.closed.get('news.range') ?? '';
    expect(closedRanges(closed)).toMatchObject([{ end: 'id' in published ? published.id : '', dropped: false }]);
    await edge.die();
    edge.stop();
  });

  test('answers 403 unknown-client', async () => {
    expect(await unsubscribe(randomUUID(), ['news.a'])).toBeProblem(403, 'unknown-client');
  });

  test('answers 404 topic-not-found naming the topics, keeps the others, and drops what is left of a deleted one', async () => {
    await api.topics('news.vanishing');
    const clientId = await api.client({ topics: ['news.a', 'news.vanishing'] });
    await api.broker.deleteTopic('news.vanishing');
    const answer = await unsubscribe(clientId, ['news.a', 'news.vanishing']);
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.vanishing'] });
    expect(await topicsOf(clientId)).toEqual(['news.a']);
  });

  test('answers 400 invalid-request without topics, with topics twice, and to bad ones', async () => {
    const clientId = await api.client();
    const cases: [string, unknown, string][] = [
      ['', undefined, 'body.topics'],
      ['', {}, 'body.topics'],
      ['?topics=news.a', { topics: ['news.b'] }, 'query.topics'],
      ['?topics=', undefined, 'query.topics[0]'],
      ['?topics=news.a,b%20c', undefined, 'query.topics[1]'],
      ['?topic=news.a', undefined, 'query.topic'],
      ['', { topics: ['b c'] }, 'body.topics[0]'],
    ];
    for (const [query, body, field] of cases) {
      const answer = await api.call('DELETE', `${path(clientId)}${query}`, { body });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors'], `of ${query}`).toMatchObject([{ field }]);
    }
    expect(await unsubscribe('not-an-id', ['news.a'])).toBeProblem(400, 'invalid-request');
    expect(await api.call('DELETE', path(clientId), { raw: '{' })).toBeProblem(400, 'malformed-json');
  });

  test('answers 413 payload-too-large and 415 unsupported-media-type', async () => {
    const clientId = await api.client();
    const raw = `{"topics":"${'x'.repeat(300_000)}"}`;
    expect(await api.call('DELETE', path(clientId), { raw })).toBeProblem(413, 'payload-too-large');
    const headers = { 'content-type': 'text/plain' };
    expect(await api.call('DELETE', path(clientId), { raw: 'a', headers })).toBeProblem(415, 'unsupported-media-type');
  });
});
