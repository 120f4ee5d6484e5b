import { randomUUID } from 'node:crypto';
import { publishResponse } from '@holdfast/protocol/rest/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallOptions, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.out', 'other');
});
afterAll(() => api.stop());

const path = (topic: string) => `/v1/topics/${topic}/messages`;
const pathOf = (clientId: string) => `/v1/clients/${clientId}/messages`;
const publish = (topic: string, options: CallOptions) => api.call('POST', path(topic), { key: 'all', ...options });

async function logOf(topic: string): Promise<string[]> {
  const page = await api.broker.readLog(topic, null, 1000);
  return page?.entries.map(({ data }) => data.toString()) ?? [];
}

/** What is easily damaged by parsing and printing. */
const DELICATE = [
  '12345678901234567890',
  '1.0',
  '-0',
  '1e400',
  '"\\u0041\\ud800"',
  ' {"a" : 1,\n"a":2, "__proto__":{}} ',
  '"€ 𝄞"',
  'null',
  'false',
  '""',
  '[]',
];

describe('POST /v1/topics/{topic}/messages', () => {
  test('answers 202 with the topic and the id, and the id is the position of the topic', async () => {
    const published = expectBody(await publish('news.out', { raw: '{"a":1}' }), 202, publishResponse);
    expect(published.topic).toBe('news.out');
    expect((await api.broker.readTopics(['news.out']))[0]?.last).toBe(published.id);
  });

  test('takes any JSON value, and the log has it byte for byte', async () => {
    await api.topics('news.bytes');
    for (const raw of DELICATE) expectBody(await publish('news.bytes', { raw }), 202, publishResponse);
    expect(await logOf('news.bytes')).toEqual(DELICATE);
  });

  test('the same Idempotency-Key gives the same id and publishes nothing; another topic has keys of its own', async () => {
    await api.topics('news.once');
    const headers = { 'idempotency-key': 'order-4711' };
    const first = expectBody(await publish('news.once', { raw: '1', headers }), 202, publishResponse);
    const again = expectBody(await publish('news.once', { raw: '1', headers }), 202, publishResponse);
    expect(again).toEqual(first);
    expect(await logOf('news.once')).toEqual(['1']);
    const elsewhere = expectBody(await publish('other', { raw: '3', headers }), 202, publishResponse);
    expect(await logOf('other')).toContain('3');
    expect(elsewhere.topic).toBe('other');
  });

  test('answers 409 idempotency-conflict to another body or another key under an Idempotency-Key in use', async () => {
    await api.topics('news.conflict');
    const headers = { 'idempotency-key': 'order-4712' };
    const first = expectBody(await publish('news.conflict', { raw: '1', headers }), 202, publishResponse);
    expect(await publish('news.conflict', { raw: '2', headers })).toBeProblem(409, 'idempotency-conflict');
    expect(await publish('news.conflict', { raw: '1', headers, key: 'news' })).toBeProblem(409, 'idempotency-conflict');
    expect(expectBody(await publish('news.conflict', { raw: '1', headers }), 202, publishResponse)).toEqual(first);
    expect(await logOf('news.conflict')).toEqual(['1']);
  });

  test('takes 64 KiB, and answers 413 payload-too-large to a byte more', async () => {
    await api.topics('news.large');
    const raw = `"${'x'.repeat(64 * 1024 - 2)}"`;
    expectBody(await publish('news.large', { raw }), 202, publishResponse);
    expect(await publish('news.large', { raw: `${raw} ` })).toBeProblem(413, 'payload-too-large');
    expect(await logOf('news.large')).toHaveLength(1);
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '{"a":1'],
    ['two values', '1 2'],
    ['a byte order mark', '\ufeff1'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['half of a character', Buffer.from([0x22, 0xc3, 0x22])],
  ])('answers 400 malformed-json to %s, and publishes nothing', async (_what, raw) => {
    await api.topics('news.clean');
    expect(await publish('news.clean', { raw })).toBeProblem(400, 'malformed-json');
    expect(await logOf('news.clean')).toEqual([]);
  });

  test('is not harmed by the deepest nesting that fits', async () => {
    const half = 32 * 1024;
    const nested = await publish('news.out', { raw: '['.repeat(half) + ']'.repeat(half) });
    expect([202, 400]).toContain(nested.status);
    expect(await publish('news.out', { raw: '['.repeat(2 * half) })).toBeProblem(400, 'malformed-json');
  });

  test('answers 400 invalid-request to a call without a body, a bad topic and a bad Idempotency-Key', async () => {
    expect(await publish('news.out', {})).toBeProblem(400, 'invalid-request', {
      errors: [{ field: 'body', rule: 'must be a JSON value, sent as application/json' }],
    });
    expect(await publish('news out', { raw: '1' })).toBeProblem(400, 'invalid-request');
    for (const key of ['', 'two words', 'x'.repeat(201)]) {
      const answer = await publish('news.out', { raw: '1', headers: { 'idempotency-key': key } });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field: 'header.idempotency-key' }]);
    }
  });

  test('answers 403 key-missing, and not-permitted for a topic that no publish pattern of the key fits', async () => {
    expect(await api.call('POST', path('other'), { raw: '1' })).toBeProblem(403, 'key-missing');
    expect(await publish('other', { key: 'news', raw: '1' })).toBeProblem(403, 'not-permitted', { topics: ['other'] });
    expect(await publish('news.out', { key: 'toClients', raw: '1' })).toBeProblem(403, 'not-permitted');
    expectBody(await publish('news.out', { key: 'news', raw: '1' }), 202, publishResponse);
  });

  test('answers 404 topic-not-found', async () => {
    const answer = await publish('news.nowhere', { raw: '1' });
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.nowhere'] });
  });

  test('answers 415 unsupported-media-type to a body that is not sent as JSON', async () => {
    const headers = { 'content-type': 'application/octet-stream' };
    expect(await publish('news.out', { raw: '1', headers })).toBeProblem(415, 'unsupported-media-type');
  });
});

describe('POST /v1/clients/{clientId}/messages', () => {
  test.each(['toClients', 'all'] as const)('answers 202 with @me to a key with @clients or ** (%s)', async (key) => {
    const clientId = await api.client();
    const answer = await api.call('POST', pathOf(clientId), { key, raw: ' 1.0 ' });
    const published = expectBody(answer, 202, publishResponse);
    expect(published.topic).toBe('@me');
    const page = await api.broker.readClientLog(clientId, null, 10);
    expect(page?.entries.map(({ id, data }) => [id, data.toString()])).toEqual([[published.id, ' 1.0 ']]);
  });

  test('notifies the edge that holds the client', async () => {
    const edge = await startTestEdge(api);
    const clientId = await api.client();
    await edge.hold(clientId);
    await api.call('POST', pathOf(clientId), { key: 'all', raw: '1' });
    expect(await edge.broker.readPending(edge.id, 10)).toContain(clientId);
    await edge.die();
    edge.stop();
  });

  test('the same Idempotency-Key gives the same id and publishes nothing', async () => {
    const clientId = await api.client();
    const options: CallOptions = { key: 'all', raw: '1', headers: { 'idempotency-key': 'k' } };
    const first = expectBody(await api.call('POST', pathOf(clientId), options), 202, publishResponse);
    const again = expectBody(await api.call('POST', pathOf(clientId), options), 202, publishResponse);
    expect(again).toEqual(first);
    for (const other of [{ raw: '2' }, { key: 'toClients' as const }]) {
      const answer = await api.call('POST', pathOf(clientId), { ...options, ...other });
      expect(answer).toBeProblem(409, 'idempotency-conflict');
    }
    expect((await api.broker.readClientLog(clientId, null, 10))?.entries).toHaveLength(1);
  });

  test('answers 403 key-missing, and not-permitted to a key that may publish to topics only', async () => {
    const clientId = await api.client();
    expect(await api.call('POST', pathOf(clientId), { raw: '1' })).toBeProblem(403, 'key-missing');
    expect(await api.call('POST', pathOf(clientId), { key: 'news', raw: '1' })).toBeProblem(403, 'not-permitted');
  });

  test('answers 404 client-not-found', async () => {
    const answer = await api.call('POST', pathOf(randomUUID()), { key: 'all', raw: '1' });
    expect(answer).toBeProblem(404, 'client-not-found');
  });

  test('answers 400 invalid-request, malformed-json, 413 payload-too-large and 415 unsupported-media-type', async () => {
    const clientId = await api.client();
    const send = (id: string, options: CallOptions) => api.call('POST', pathOf(id), { key: 'all', ...options });
    expect(await send('somebody', { raw: '1' })).toBeProblem(400, 'invalid-request');
    expect(await send(clientId, { raw: '' })).toBeProblem(400, 'malformed-json');
    expect(await send(clientId, { raw: `"${'x'.repeat(64 * 1024)}"` })).toBeProblem(413, 'payload-too-large');
    const headers = { 'content-type': 'text/plain' };
    expect(await send(clientId, { raw: 'x', headers })).toBeProblem(415, 'unsupported-media-type');
  });
});
