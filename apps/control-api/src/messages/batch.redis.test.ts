import { batchResponse } from '@holdfast/protocol/rest/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallOptions, type TestApi, expectBody, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a', 'news.b', 'other');
});
afterAll(() => api.stop());

const send = (options: CallOptions) => api.call('POST', '/v1/messages', { key: 'all', ...options });

async function resultsOf(options: CallOptions) {
  return expectBody(await send(options), 202, batchResponse).results;
}

async function logOf(topic: string): Promise<{ id: string; text: string }[]> {
  const page = await api.broker.readLog(topic, null, 5000);
  return page?.entries.map(({ id, data }) => ({ id, text: data.toString() })) ?? [];
}

const of = (topics: string[], data: number) => ({ topics, data, idempotencyKey: 'c' });

describe('POST /v1/messages', () => {
  test('answers 202 with the ids of every message in every of its topics, in order', async () => {
    const results = await resultsOf({
      body: {
        messages: [
          { topics: ['news.a', 'news.b'], data: 'first' },
          { topics: ['news.a'], data: 'second' },
        ],
      },
    });
    const [a, b] = [await logOf('news.a'), await logOf('news.b')];
    expect(a.map(({ text }) => text)).toEqual(['"first"', '"second"']);
    expect(results).toEqual([
      { ok: true, ids: { 'news.a': a[0]?.id, 'news.b': b[0]?.id } },
      { ok: true, ids: { 'news.a': a[1]?.id } },
    ]);
  });

  test('keeps every byte of the data as it was written', async () => {
    await api.topics('news.bytes');
    const delicate = [
      '12345678901234567890',
      '1.0',
      '-0',
      '"\\u0041"',
      '{ "b" : 1 ,\n"a":2,"a":3}',
      '"€"',
      'null',
      '[ ]',
    ];
    const messages = delicate.map((data) => `{"topics":["news.bytes"], "d\\u0061ta" :\t${data} }`);
    const raw = `{ "messages" : [${messages.join(' , ')}]}`;
    const results = await resultsOf({ raw });
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect((await logOf('news.bytes')).map(({ text }) => text)).toEqual(delicate);
  });

  test('keeps the order of messages of one topic, for 1,000 of them', async () => {
    await api.topics('news.order');
    const messages = Array.from({ length: 1000 }, (_, data) => ({ topics: ['news.order'], data }));
    const results = await resultsOf({ body: { messages } });
    const log = await logOf('news.order');
    expect(log.map(({ text }) => Number(text))).toEqual(messages.map(({ data }) => data));
    expect(results.map(({ ids }) => ids['news.order'])).toEqual(log.map(({ id }) => id));
  });

  test('one bad message does not stop the others, and each bad one says why and has published nothing', async () => {
    await api.topics('news.good');
    const good = { topics: ['news.good'], data: 1 };
    const results = await resultsOf({
      key: 'news',
      body: {
        messages: [
          good,
          'no object',
          { data: 1 },
          { topics: ['news.good'] },
          { topics: [], data: 1 },
          { topics: ['news.good', 'not good'], data: 1 },
          { topics: ['news.good'], data: 1, extra: 1 },
          { topics: ['news.good'], data: 1, idempotencyKey: 'two words' },
          { topics: ['news.good', 'other'], data: 1 },
          { topics: ['news.good'], data: 'x'.repeat(64 * 1024) },
          good,
        ],
      },
    });
    expect(results.map(({ code }) => code)).toEqual([
      undefined,
      ...Array<string>(7).fill('invalid-request'),
      'not-permitted',
      'payload-too-large',
      undefined,
    ]);
    expect(results[2]?.detail).toBe('topics: must be given');
    expect(results[3]?.detail).toBe('data: must be given');
    expect(results[5]?.detail).toBe('topics[1]: must be segments of A-Z a-z 0-9 _ - joined by "."');
    expect(results[6]?.detail).toBe('extra: is not a field of this call');
    expect(results[8]).toMatchObject({ ok: false, ids: {}, topics: ['news.good', 'other'] });
    expect(await logOf('news.good')).toHaveLength(2);
  });

  test('a topic that does not exist is named, and no other topic of the message gets it', async () => {
    await api.topics('news.here');
    const [result] = await resultsOf({ body: { messages: [{ topics: ['news.here', 'news.not'], data: 1 }] } });
    expect(await logOf('news.here')).toEqual([]);
    expect(result).toMatchObject({
      ok: false,
      ids: {},
      code: 'topic-not-found',
      topics: ['news.not'],
    });
  });

  test('the idempotencyKey of a message holds for each of its topics, within a batch and across calls', async () => {
    await api.topics('news.k1', 'news.k2');
    const message = { topics: ['news.k1', 'news.k2'], data: 1, idempotencyKey: 'k' };
    const [first, second] = await resultsOf({ body: { messages: [message, message] } });
    expect(second).toEqual(first);
    expect(await resultsOf({ body: { messages: [message] } })).toEqual([first]);
    expect(await logOf('news.k1')).toHaveLength(1);
    expect(await logOf('news.k2')).toHaveLength(1);
  });

  test('an idempotencyKey that was used for another message is the conflict of that one, and stops no other', async () => {
    await api.topics('news.c1', 'news.c2');
    const [first, other, both] = await resultsOf({
      body: { messages: [of(['news.c1'], 1), of(['news.c1'], 2), of(['news.c1', 'news.c2'], 3)] },
    });
    expect(first).toMatchObject({ ok: true });
    expect(other).toMatchObject({ ok: false, ids: {}, code: 'idempotency-conflict', topics: ['news.c1'] });
    expect(both).toMatchObject({ ok: false, code: 'idempotency-conflict', topics: ['news.c1'] });
    expect(Object.keys(both?.ids ?? {})).toEqual(['news.c2']);
    // By another key with the right to publish there.
    expect(await resultsOf({ key: 'news', body: { messages: [of(['news.c1'], 1)] } })).toMatchObject([
      { ok: false, code: 'idempotency-conflict' },
    ]);
    expect(await logOf('news.c1')).toHaveLength(1);
  });

  test('a topic named twice in a message gets it once', async () => {
    await api.topics('news.twice');
    await resultsOf({ body: { messages: [{ topics: ['news.twice', 'news.twice'], data: 1 }] } });
    expect(await logOf('news.twice')).toHaveLength(1);
  });

  test('takes more than one wave of publications, still in order', async () => {
    const topics = Array.from({ length: 7 }, (_, index) => `news.wave-${index}`);
    await api.topics(...topics);
    const messages = Array.from({ length: 300 }, (_, data) => ({ topics, data }));
    const results = await resultsOf({ body: { messages } });
    expect(results.every(({ ok }) => ok)).toBe(true);
    for (const topic of topics) {
      expect((await logOf(topic)).map(({ text }) => Number(text))).toEqual(messages.map(({ data }) => data));
    }
  });

  test('answers 400 invalid-request to what is no batch, naming the field', async () => {
    const cases: [unknown, string][] = [
      [undefined, 'body'],
      [[], 'body'],
      [{}, 'body.messages'],
      [{ messages: [] }, 'body.messages'],
      [{ messages: {} }, 'body.messages'],
      [{ messages: Array.from({ length: 1001 }, () => ({ topics: ['news.a'], data: 1 })) }, 'body.messages'],
      [{ messages: [1], more: 1 }, 'body.more'],
    ];
    for (const [body, field] of cases) {
      const answer = await send({ body });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field }]);
    }
  });

  test('answers 400 malformed-json, 413 payload-too-large past 16 MiB, and 415 unsupported-media-type', async () => {
    expect(await send({ raw: '{"messages":[' })).toBeProblem(400, 'malformed-json');
    const large = Buffer.alloc(16 * 1024 * 1024 + 1, ' ');
    expect(await send({ raw: large })).toBeProblem(413, 'payload-too-large');
    expect(await send({ raw: 'x', headers: { 'content-type': 'text/plain' } })).toBeProblem(
      415,
      'unsupported-media-type',
    );
  });

  test('answers 403 key-missing, key-unknown, and not-permitted to a key that may publish nowhere; where, is judged for each message', async () => {
    expect(await api.call('POST', '/v1/messages', { body: {} })).toBeProblem(403, 'key-missing');
    expect(await send({ headers: { 'x-api-key': 'a.b' }, body: {} })).toBeProblem(403, 'key-unknown');
    const body = { messages: [{ topics: ['chat'], data: 1 }] };
    expect(await api.call('POST', '/v1/messages', { key: 'powerless', body })).toBeProblem(403, 'not-permitted');
    const [result] = await resultsOf({ key: 'news', body });
    expect(result).toMatchObject({ ok: false, code: 'not-permitted' });
  });
});
