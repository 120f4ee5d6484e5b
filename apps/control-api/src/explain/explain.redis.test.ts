import { randomUUID } from 'node:crypto';
import { redisKeys } from '@holdfast/broker/keys';
import { explainResponse } from '@holdfast/protocol/rest/explain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeyName, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.sport', 'news.chess');
});

afterAll(() => api.stop());

function ask(query: Record<string, string>, key: KeyName = 'all') {
  return api.call('GET', `/v1/explain?${new URLSearchParams(query).toString()}`, { key });
}

async function publish(topic = 'news.sport'): Promise<string> {
  const outcome = await api.broker.publish(topic, Buffer.from('1'));
  return 'id' in outcome ? outcome.id : '';
}

async function verdictOf(client: string, topic: string, id: string, key: KeyName = 'all') {
  return expectBody(await ask({ client, topic, id }, key), 200, explainResponse).verdict;
}

describe('explain', () => {
  test('takes a key with manage, for its own clients, and one with "**" for all', async () => {
    const client = await api.client({ key: 'news', topics: ['news.sport'] });
    const query = { client, topic: 'news.sport', id: await publish() };
    expect(await verdictOf(client, query.topic, query.id, 'news')).toBe('offline-will-resume');
    expect(await verdictOf(client, query.topic, query.id, 'all')).toBe('offline-will-resume');
    const others = await api.client({ key: 'all' });
    expect(await ask({ ...query, client: others }, 'news')).toBeProblem(403, 'not-permitted');
    expect(await ask(query, 'readers')).toBeProblem(403, 'not-permitted');
    const path = `/v1/explain?${new URLSearchParams(query).toString()}`;
    expect(await api.call('GET', path)).toBeProblem(403, 'key-missing');
  });

  test('takes a ref in place of the UUID, and never answers with the UUID', async () => {
    const client = await api.client({ topics: ['news.sport'] });
    const [ref = ''] = await api.broker.refsOf([client]);
    const answer = await ask({ client: ref, topic: 'news.sport', id: await publish() });
    expect(answer.body['verdict']).toBe('offline-will-resume');
    expect(answer.text).not.toContain(client);
  });

  test('names each field that is wrong', async () => {
    const answer = await ask({ client: 'no client', topic: 'no topic', id: '7', more: '1' });
    expect(answer).toBeProblem(400, 'invalid-request');
    const errors = answer.body['errors'] as { field: string }[];
    expect(errors.map(({ field }) => field).toSorted()).toEqual([
      'query.client',
      'query.id',
      'query.more',
      'query.topic',
    ]);
    expect(await api.call('GET', '/v1/explain', { key: 'all' })).toBeProblem(400, 'invalid-request');
  });

  test('answers 404 for a client, a topic, or a user that is not there', async () => {
    const client = await api.client();
    const id = '5-0';
    expect(await ask({ client: randomUUID(), topic: 'news.sport', id })).toBeProblem(404, 'client-not-found');
    expect(await ask({ client: '0123456789abcdef', topic: 'news.sport', id })).toBeProblem(404, 'client-not-found');
    expect(await ask({ client, topic: 'news.none', id })).toBeProblem(404, 'topic-not-found');
    expect(await ask({ client, topic: '@user', id })).toBeProblem(404, 'topic-not-found');
  });
});

describe('a verdict', () => {
  test('is unknown when the edge is of an earlier version, and does not tell what the connection began with', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    const id = await publish('news.chess');
    await edge.hold(client, { 'news.chess': id });
    expect(await verdictOf(client, 'news.chess', id)).toBe('unknown');
    const next = await publish('news.chess');
    expect(await verdictOf(client, 'news.chess', next)).toBe('catching-up');
    edge.stop();
  });

  test('is unknown when the owner has no lease any more, and nothing is noted yet', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    await edge.hold(client);
    await edge.die();
    const id = await publish('news.chess');
    expect(await verdictOf(client, 'news.chess', id)).toBe('unknown');
    edge.stop();
  });

  test('is unknown when a connection has not been noted', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    const before = await publish('news.chess');
    const generation = await edge.hold(client);
    const meanwhile = await publish('news.chess');
    await edge.broker.release(client, edge.id, generation);
    edge.lose(client);
    expect(await verdictOf(client, 'news.chess', before)).toBe('unknown');
    expect(await verdictOf(client, 'news.chess', meanwhile)).toBe('unknown');
    edge.stop();
  });

  test('is unknown when the end of a subscription has not been noted', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    const id = await publish('news.chess');
    await api.call('DELETE', `/v1/clients/${client}/topics?topics=news.chess`);
    const state = await api.broker.readClient(client);
    if (state === null) throw new Error('the client is not registered');
    await edge.broker.acknowledgeRanges(state, state.closed);
    expect(await verdictOf(client, 'news.chess', id)).toBe('subscription-ended-before');
    await api.redis.commands.del(redisKeys(api.prefix).clientLeft(client));
    expect(await verdictOf(client, 'news.chess', id)).toBe('unknown');
    edge.stop();
  });

  test('is of the connections of this registration, whatever the clocks that noted them', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    const id = await publish('news.chess');
    const generation = await edge.hold(client);
    await edge.broker.release(client, edge.id, generation);
    edge.lose(client);
    const { incarnation = '', registeredAt = 0 } = (await api.broker.readClient(client)) ?? {};
    const end = { resumed: true, unnamed: [], stated: [], lost: [], cut: false, openedMs: 0, inbox: null } as const;
    const written = { ...end, reached: { 'news.chess': id }, reachedCut: false, upTo: null, doubtfulMs: 0, follows: 0 };
    const note = { generation, edge: edge.id, connection: generation.toString(36), to: registeredAt - 60_000 };
    const past = { ...note, reason: 'closed', end: written } as const;
    await edge.broker.notePast(client, { ...past, incarnation: 'another' });
    const name = `${edge.id}-${past.connection}`;
    const text = async () => (await ask({ client, topic: 'news.chess', id })).text;
    expect(await text()).not.toContain(name);
    await edge.broker.notePast(client, { ...past, incarnation });
    expect(await text()).toContain(name);
    edge.stop();
  });

  test('is unknown for a message that the log lost although a connection had got further', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client({ topics: ['news.chess'] });
    const [ms = ''] = (await publish('news.chess')).split('-');
    const beyond = `${Number(ms) + 500_000}-0`;
    await edge.hold(client, { 'news.chess': beyond });
    expect(await verdictOf(client, 'news.chess', beyond)).toBe('unknown');
    edge.stop();
  });
});
