import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ClientRates } from '../limits/client-rates.ts';
import { type KeyName, type TestApi, startTestApi } from '../testing/api.ts';
import { addTokenKey, callWith } from '../testing/token-keys.ts';
import { ensureTopics } from './create-on-demand.ts';

let api: TestApi;
let count = 0;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const room = () => `room.${(count += 1)}`;
/** Which the right of `creator` to create does not cover. */
const deep = () => `room.deep.${(count += 1)}`;
const states = async (...topics: string[]) => api.broker.readTopics(topics);
const publish = (topic: string, key: KeyName = 'creator', headers = {}) =>
  api.call('POST', `/v1/topics/${topic}/messages`, { key, body: 1, headers });
const register = (topics: string[], key: KeyName = 'creator') =>
  api.call('POST', '/v1/clients', { key, body: { topics } });
const subscribe = (clientId: string, topics: string[]) =>
  api.call('POST', `/v1/clients/${clientId}/topics`, { body: { topics } });
const registered = async () => (await api.broker.listClients(null, 1000)).items.length;

describe('a topic that does not exist is made with the defaults of the key', () => {
  const made = {
    history: { size: 5, seconds: 300 },
    expireSeconds: 3600,
    presence: { by: 'user', show: 'members', limit: 1000, graceSeconds: 5 },
  };

  it('by Register', async () => {
    const [one, two] = [room(), room()];
    const answer = await register([one, two]);
    expect(answer.status).toBe(201);
    expect(answer.body['topics']).toEqual([one, two].toSorted());
    expect(await states(one, two)).toMatchObject([made, made]);
    expect((await api.call('GET', `/v1/topics/${one}`, { key: 'creator' })).body).toMatchObject(made);
  });

  it('by Subscribe, of a client by its UUID alone', async () => {
    const clientId = await api.client({ key: 'creator' });
    const [one, two] = [room(), room()];
    await api.broker.putTopic(two, { size: 9 });
    const answer = await subscribe(clientId, [one, two]);
    expect(answer.status).toBe(202);
    expect(await states(one, two)).toMatchObject([made, { history: { size: 9 }, expireSeconds: null }]);
  });

  it('by Publish, whose idempotency key then holds', async () => {
    const topic = room();
    const headers = { 'idempotency-key': 'k' };
    const [first, second] = [await publish(topic, 'creator', headers), await publish(topic, 'creator', headers)];
    expect(first.status).toBe(202);
    expect(second.body).toEqual(first.body);
    expect(await states(topic)).toMatchObject([made]);
    expect((await api.broker.readLog(topic, null, 10))?.entries).toHaveLength(1);
  });

  it('by a batch, of one topic and of several, in the order given', async () => {
    const [one, two] = [room(), room()];
    const messages = [1, 2, 3].map((data) => ({ topics: data === 2 ? [one, two] : [one], data }));
    const answer = await api.call('POST', '/v1/messages', { key: 'creator', body: { messages } });
    expect(answer.body['results']).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect(await states(one, two)).toMatchObject([made, made]);
    const logs = await Promise.all([one, two].map((topic) => api.broker.readLog(topic, null, 10)));
    expect(logs.map((page) => page?.entries.map(({ data }) => String(data)))).toEqual([['1', '2', '3'], ['2']]);
    const alone = room();
    const single = [4, 5].map((data) => ({ topics: [alone], data }));
    const again = await api.call('POST', '/v1/messages', { key: 'creator', body: { messages: single } });
    expect(again.body['results']).toMatchObject([{ ok: true }, { ok: true }]);
    expect((await api.broker.readLog(alone, null, 10))?.entries.map(({ data }) => String(data))).toEqual(['4', '5']);
  });

  it('by many at once, once, and what each of them publishes is in its log', async () => {
    const topic = room();
    const answers = await Promise.all(Array.from({ length: 5 }, () => publish(topic)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const page = await api.broker.readLog(topic, null, 100);
    expect(answers.map(({ body }) => String(body['id'])).toSorted()).toEqual(ids(page?.entries));
  });

  it('and has its settings left when it is there by then', async () => {
    const topic = room();
    await api.broker.putTopic(topic, { size: 77 });
    const key = api.keys.get('creator');
    if (key === undefined) throw new Error('there is such a key');
    const principal = { kind: 'key', key, user: null, may: null } as const;
    await ensureTopics({ ...api, rates: new ClientRates(1) }, principal, new Map(), [topic]);
    expect(await states(topic)).toMatchObject([{ history: { size: 77 }, expireSeconds: null }]);
  });
});

const ids = (entries: readonly { id: string }[] = []) => entries.map(({ id }) => id);

describe('what the right to create does not cover', () => {
  it('is named, and nothing is made, registered or subscribed', async () => {
    const [may, not, nor] = [room(), deep(), deep()];
    const clientId = await api.client({ key: 'creator' });
    const before = await registered();
    for (const answer of [await register([may, not, nor]), await subscribe(clientId, [may, not, nor])]) {
      expect(answer).toBeProblem(404, 'topic-not-found');
      expect(answer.body['topics']).toEqual([not, nor]);
    }
    expect(await publish(not)).toBeProblem(404, 'topic-not-found');
    const messages = [
      { topics: [may, not], data: 1 },
      { topics: [not], data: 1 },
    ];
    const batch = await api.call('POST', '/v1/messages', { key: 'creator', body: { messages } });
    expect(batch.body['results']).toMatchObject([
      { ok: false, code: 'topic-not-found', topics: [not] },
      { ok: false, code: 'topic-not-found', topics: [not] },
    ]);
    expect(await states(may, not, nor)).toEqual([null, null, null]);
    expect(await registered()).toBe(before);
    expect((await api.broker.readClient(clientId))?.topics.size).toBe(0);
  });

  it('is a topic of a user, for a caller that is none', async () => {
    expect(await publish('own.ann')).toBeProblem(404, 'topic-not-found');
    expect(await publish('own.{user}')).toBeProblem(400, 'invalid-request');
  });

  it('is not asked about where the key may not do the call itself', async () => {
    const [mine, other] = [room(), 'elsewhere'];
    const clientId = await api.client({ key: 'creator' });
    expect(await register([mine, other])).toBeProblem(403, 'not-permitted');
    expect(await subscribe(clientId, [mine, other])).toBeProblem(403, 'not-permitted');
    const messages = [{ topics: [mine, other], data: 1 }];
    const batch = await api.call('POST', '/v1/messages', { key: 'creator', body: { messages } });
    expect(batch.body['results']).toMatchObject([{ ok: false, code: 'not-permitted' }]);
    expect(await states(mine)).toEqual([null]);
  });
});

it('a key that has as many topics as it may makes none, and what wanted it does nothing', async () => {
  expect((await publish('cramped.a', 'cramped')).status).toBe(202);
  const before = await registered();
  expect(await register(['cramped.b'], 'cramped')).toBeProblem(409, 'topic-quota-reached');
  expect(await publish('cramped.b', 'cramped')).toBeProblem(409, 'topic-quota-reached');
  const clientId = await api.client({ key: 'cramped' });
  expect(await subscribe(clientId, ['cramped.b'])).toBeProblem(409, 'topic-quota-reached');
  const messages = [
    { topics: ['cramped.a', 'cramped.b'], data: 1 },
    { topics: ['cramped.b'], data: 1 },
    { topics: ['cramped.a'], data: 1 },
  ];
  const batch = await api.call('POST', '/v1/messages', { key: 'cramped', body: { messages } });
  expect(batch.body['results']).toMatchObject([
    { ok: false, code: 'topic-quota-reached', topics: ['cramped.b'] },
    { ok: false, code: 'topic-quota-reached', topics: ['cramped.b'] },
    { ok: true },
  ]);
  expect(await states('cramped.b')).toEqual([null]);
  expect(await registered()).toBe(before + 1);
});

it('a user whose tokens make topics has a rate, past which a batch goes on without them', async () => {
  const can = { publish: ['many.**'], subscribe: ['many.**'], create: ['many.**'] };
  const issuer = await addTokenKey(api, 'many', { can });
  const may = { publish: ['many.**'] };
  const token = await issuer.sign({ sub: 'ann', hf: { may } });
  await api.topics('many.there');
  const topics = Array.from({ length: 999 }, (_, index) => `many.${index}`);
  const post = async (messages: object[]) => {
    const { body } = await callWith(api, token, 'POST', '/v1/messages', { body: { messages } });
    return body['results'] as { ok: boolean; code?: string }[];
  };
  // Nothing is earned meanwhile.
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const alone = await post([...topics, 'many.there'].map((topic) => ({ topics: [topic], data: 1 })));
  const made = (await states(...topics)).filter((state) => state !== null);
  // Ten seconds of the rate at once.
  expect(made).toHaveLength(200);
  expect(alone.filter(({ code }) => code === 'too-many-calls')).toHaveLength(999 - made.length);
  expect(alone.at(-1)).toMatchObject({ ok: true });
  const several = Array.from({ length: 500 }, (_, index) => ({
    topics: [`many.a${index}`, `many.b${index}`],
    data: 1,
  }));
  expect((await post(several)).filter(({ code }) => code === 'too-many-calls')).toHaveLength(500);
  const one = () => callWith(api, token, 'POST', '/v1/topics/many.one/messages', { body: 1 });
  expect((await one()).status).toBe(429);
  vi.advanceTimersByTime(1_000);
  expect((await one()).status).toBe(202);
  const other = await issuer.sign({ sub: 'bob', hf: { may } });
  expect((await callWith(api, other, 'POST', '/v1/topics/many.two/messages', { body: 1 })).status).toBe(202);
});

/** A client with a subscription to a topic that has expired since. */
async function expired() {
  const topic = room();
  const clientId = await api.client({ key: 'creator', topics: [topic] });
  const before = await states(topic);
  await api.broker.putTopic(topic, { expireSeconds: 1 });
  await eventually(async () => {
    await api.broker.expireTopics(1000);
    expect(await states(topic)).toEqual([null]);
  });
  return { topic, clientId, before };
}

const subscriptions = async (clientId: string) => (await api.call('GET', `/v1/clients/${clientId}`)).body['topics'];

describe('a subscription to a topic that expires', () => {
  it('lives on, also when the client changes others, and holds when the topic comes back', async () => {
    const { topic, clientId, before } = await expired();
    const another = room();
    for (const key of ['all', 'creator'] as const) {
      expect(await api.call('GET', `/v1/topics/${topic}`, { key })).toBeProblem(404, 'topic-not-found');
    }
    expect(await api.call('DELETE', `/v1/topics/${topic}`, { key: 'news' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('GET', `/v1/topics/${topic}/messages`, { key: 'all' })).toBeProblem(404, 'topic-not-found');
    expect(await publish(topic, 'all')).toBeProblem(404, 'topic-not-found');
    expect(await register([topic], 'all')).toBeProblem(404, 'topic-not-found');
    expect((await subscribe(clientId, [another])).body['topics']).toEqual([another, topic].toSorted());
    const start = (await api.broker.readClient(clientId))?.topics.get(topic);
    expect((await publish(topic)).status).toBe(202);
    expect((await states(topic))[0]?.incarnation).toBe(before[0]?.incarnation);
    expect(await subscriptions(clientId)).toEqual([another, topic].toSorted());
    expect((await api.broker.readClient(clientId))?.topics.get(topic)).toBe(start);
  });

  it('can be ended, by the client that has it', async () => {
    const { topic, clientId } = await expired();
    const other = await api.client({ key: 'creator' });
    const leave = (id: string) => api.call('DELETE', `/v1/clients/${id}/topics?topics=${topic}`);
    expect(await leave(other)).toBeProblem(404, 'topic-not-found');
    expect((await leave(clientId)).body['topics']).toEqual([]);
    expect(await leave(clientId)).toBeProblem(404, 'topic-not-found');
  });

  it('comes back by PUT as a new one, which tells truly that its older messages are gone', async () => {
    const { topic, clientId } = await expired();
    const put = await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body: {} });
    expect(put.status).toBe(201);
    expect(put.body).toMatchObject({ history: { size: 1000, seconds: 300 }, expireSeconds: null, presence: null });
    expect(await subscriptions(clientId)).toEqual([topic]);
    await api.call('DELETE', `/v1/topics/${topic}`, { key: 'all' });
    await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body: {} });
    expect(await subscriptions(clientId)).toEqual([]);
  });
});

describe('PUT of a topic', () => {
  it('sets and takes away its expiry and presence, and leaves what is not given', async () => {
    const topic = room();
    const put = async (body: unknown) => (await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body })).body;
    const presence = { by: 'client', show: 'count', limit: 10, graceSeconds: 0 };
    expect(await put({ expireSeconds: 60, presence })).toMatchObject({ expireSeconds: 60, presence });
    expect(await put({ history: { size: 7 } })).toMatchObject({ expireSeconds: 60, presence, history: { size: 7 } });
    expect(await put({ expireSeconds: null })).toMatchObject({ expireSeconds: null, presence });
    expect(await put({ presence: null })).toMatchObject({ expireSeconds: null, presence: null });
    expect((await api.call('GET', `/v1/topics/${topic}`, { key: 'all' })).body).toMatchObject({ presence: null });
  });

  it('refuses what is no expiry or presence, and changes nothing', async () => {
    const topic = room();
    for (const [body, field] of [
      [{ expireSeconds: 0 }, 'body.expireSeconds'],
      [{ expireSeconds: '60' }, 'body.expireSeconds'],
      [{ presence: { by: 'me' } }, 'body.presence.by'],
      [{ presence: { limit: 0 } }, 'body.presence.limit'],
      [{ presence: { shows: 'count' } }, 'body.presence.shows'],
    ] as const) {
      const answer = await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field }]);
    }
    expect(await states(topic)).toEqual([null]);
  });
});
