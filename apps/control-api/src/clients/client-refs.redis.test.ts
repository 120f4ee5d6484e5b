import { randomUUID } from 'node:crypto';
import {
  clientResponse,
  clientsResponse,
  disconnectResponse,
  registerResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallOptions, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

const PATH = '/v1/clients';
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

let api: TestApi;
/** Registered with the key `all`, whose clients the key `news` does not manage. */
let foreign: { clientId: string; ref: string };
/** Registered with the key `news`. */
let own: { clientId: string; ref: string };

async function refOf(clientId: string): Promise<string> {
  return expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse).ref;
}

beforeAll(async () => {
  api = await startTestApi();
  const [foreignId, ownId] = [await api.client({ key: 'all' }), await api.client({ key: 'news' })];
  foreign = { clientId: foreignId, ref: await refOf(foreignId) };
  own = { clientId: ownId, ref: await refOf(ownId) };
});
afterAll(() => api.stop());

async function listed(options: CallOptions) {
  const answers = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const answer = await api.call('GET', `${PATH}?limit=1${query}`, options);
    answers.push(answer);
    ({ cursor } = expectBody(answer, 200, clientsResponse));
  } while (cursor !== null);
  return { text: answers.map(({ text }) => text).join(), pages: answers.map(({ body }) => body['clients']) };
}

const lines = () => api.log.linesWith('audit');

describe('a list of clients', () => {
  test.each(['news', 'all'] as const)('names all by ref, and by UUID only those of the own key: %s', async (key) => {
    const [mine, others] = key === 'news' ? [own, foreign] : [foreign, own];
    const { text, pages } = await listed({ key });
    expect(pages.flat()).toContainEqual(expect.objectContaining(mine));
    expect(pages.flat()).toContainEqual(expect.objectContaining({ ref: others.ref }));
    // Neither in the list nor in a cursor.
    expect(text).not.toContain(others.clientId);
    expect(text.replaceAll(mine.clientId, '')).not.toMatch(UUID);
  });

  test('of a name is the one client of the own key, or empty', async () => {
    const byName = async (query: string, key: 'all' | 'news') => {
      const answer = await api.call('GET', `${PATH}?${query}`, { key });
      return expectBody(answer, 200, clientsResponse).clients.map(({ clientId }) => clientId);
    };
    const body = { name: 'Ann’s phone', user: 'ann' };
    const registration = await api.call('POST', PATH, { key: 'all', body });
    const { clientId } = expectBody(registration, 201, registerResponse);
    const name = `name=${encodeURIComponent(body.name)}`;
    expect(await byName(name, 'all')).toEqual([clientId]);
    expect(await byName(`${name}&user=ann`, 'all')).toEqual([clientId]);
    expect(await byName(`${name}&user=bob`, 'all')).toEqual([]);
    expect(await byName(name, 'news')).toEqual([]);
    expect(await byName('name=unknown', 'all')).toEqual([]);
    await api.call('DELETE', `${PATH}/${clientId}`);
    expect(await byName(name, 'all')).toEqual([]);
    expect(await api.call('GET', `${PATH}?name=`, { key: 'all' })).toBeProblem(400, 'invalid-request');
  });

  test('takes no UUID for a cursor', async () => {
    const answer = await api.call('GET', `${PATH}?cursor=${own.clientId}`, { key: 'all' });
    expect(answer).toBeProblem(400, 'invalid-request', {
      errors: [{ field: 'query.cursor', rule: 'must be the cursor of the page before' }],
    });
  });
});

describe('looking at a client by ref', () => {
  test('takes any right to manage, and shows the UUID to the key that registered it', async () => {
    const mine = expectBody(
      await api.call('GET', `${PATH}/${own.ref.toUpperCase()}`, { key: 'news' }),
      200,
      clientResponse,
    );
    expect(mine).toMatchObject({ ...own, key: 'news' });
    const answer = await api.call('GET', `${PATH}/${foreign.ref}`, { key: 'news' });
    expect(expectBody(answer, 200, clientResponse)).toMatchObject({ ref: foreign.ref, key: 'all' });
    expect(answer.text).not.toMatch(UUID);
  });

  test('answers 403 without a key or the right, and 404 to an unknown ref', async () => {
    expect(await api.call('GET', `${PATH}/${own.ref}`)).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', `${PATH}/${own.ref}`, { key: 'readers' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('GET', `${PATH}/0123456789abcdef`, { key: 'all' })).toBeProblem(404, 'client-not-found');
  });
});

describe('a key manages its own clients', () => {
  test.each(['clientId', 'ref'] as const)('and disconnects them by %s, and no others', async (by) => {
    const edge = await startTestEdge(api);
    const [generation] = await Promise.all([edge.hold(own.clientId), edge.hold(foreign.clientId)]);
    const disconnect = (client: { clientId: string; ref: string }, key: 'news' | 'all') =>
      api.call('POST', `${PATH}/${client[by]}/disconnect`, { key });
    expect(await disconnect(foreign, 'news')).toBeProblem(403, 'not-permitted');
    expect((await api.broker.readClient(foreign.clientId))?.disconnectUpTo).not.toBe(generation);
    expect(expectBody(await disconnect(own, 'news'), 202, disconnectResponse)).toEqual({ ...own, connected: true });
    expect((await api.broker.readClient(own.clientId))?.disconnectUpTo).toBe(generation);
    edge.stop();
  });

  test('and with "**" those of all keys, without ever seeing their UUIDs', async () => {
    const answer = await api.call('POST', `${PATH}/${own.ref}/disconnect`, { key: 'all' });
    expect(expectBody(answer, 202, disconnectResponse).ref).toBe(own.ref);
    expect(answer.text).not.toMatch(UUID);
    const clientId = await api.client({ key: 'news' });
    const ref = await refOf(clientId);
    const unregistered = await api.call('DELETE', `${PATH}/${ref}`, { key: 'all' });
    expect(expectBody(unregistered, 200, unregisterResponse)).toEqual({ ref });
    expect(await api.broker.readClient(clientId)).toBeNull();
    expect(await api.call('DELETE', `${PATH}/${ref}`, { key: 'all' })).toBeProblem(409, 'user-not-found');
  });

  test('and unregisters them by ref, and no others; a ref alone does nothing', async () => {
    expect(await api.call('DELETE', `${PATH}/${foreign.ref}`, { key: 'news' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('DELETE', `${PATH}/${own.ref}`)).toBeProblem(403, 'key-missing');
    expect(await api.broker.readClients([foreign.clientId, own.clientId])).not.toContain(null);
    const clientId = await api.client({ key: 'news' });
    const ref = await refOf(clientId);
    const answer = await api.call('DELETE', `${PATH}/${ref}`, { key: 'news' });
    expect(expectBody(answer, 200, unregisterResponse)).toEqual({ clientId, ref });
  });

  test.each([
    ['GET', ''],
    ['POST', '/topics'],
    ['DELETE', '/topics'],
    ['POST', '/messages'],
  ] as const)('and a ref is no credential: %s …%s gets nothing by it', async (method, rest) => {
    const answer = await api.call(method, `${PATH}/${own.ref}${rest}`, {
      key: 'toClients',
      body: { topics: 'news.a' },
    });
    expect([400, 403]).toContain(answer.status);
  });
});

describe('the audit log', () => {
  test('has one line for each change made with a key: who, what, whom, and what came of it', async () => {
    const before = lines().length;
    const clientId = await api.client({ key: 'news' });
    const ref = await refOf(clientId);
    await api.call('PUT', '/v1/topics/news.audited', { key: 'news' });
    await api.call('PUT', '/v1/topics/sport.audited', { key: 'news' });
    await api.call('POST', `${PATH}/${clientId}/disconnect`, { key: 'news' });
    await api.call('POST', `${PATH}/${foreign.ref}/disconnect`, { key: 'news' });
    await api.call('DELETE', `${PATH}/${ref}`, { key: 'news' });
    await api.call('DELETE', '/v1/topics/news.audited', { key: 'news' });
    expect(lines().slice(before)).toMatchObject([
      { level: 'info', key: 'news', action: 'register', ref, outcome: 'done', status: 201 },
      { level: 'info', key: 'news', action: 'put-topic', topic: 'news.audited', outcome: 'done' },
      { level: 'info', key: 'news', action: 'put-topic', topic: 'sport.audited', outcome: 'not-permitted' },
      { level: 'info', key: 'news', action: 'disconnect', ref, outcome: 'done' },
      { level: 'info', key: 'news', action: 'disconnect', ref: foreign.ref, outcome: 'not-permitted' },
      { level: 'info', key: 'news', action: 'unregister', ref, outcome: 'done' },
      { level: 'info', key: 'news', action: 'delete-topic', topic: 'news.audited', outcome: 'done' },
    ]);
  });

  test('has no line for what only looks, was made without a key, or was no call; and never a UUID or a secret', async () => {
    const before = lines().length;
    const clientId = await api.client({ key: 'news' });
    await api.call('GET', PATH, { key: 'all' });
    await api.call('POST', PATH);
    await api.call('PUT', '/v1/topics/not+a+name', { key: 'all' });
    await api.call('POST', `${PATH}/${randomUUID()}/disconnect`, { key: 'all' });
    await api.call('DELETE', `${PATH}/${clientId}`);
    expect(
      lines()
        .slice(before)
        .map(({ action }) => action),
    ).toEqual(['register', 'disconnect']);
    const text = JSON.stringify(api.log.lines);
    expect(text).not.toMatch(UUID);
    expect(text).not.toContain('a-secret');
  });
});
