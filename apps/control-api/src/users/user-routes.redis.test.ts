import { randomUUID } from 'node:crypto';
import { NO_IDENTITY } from '@holdfast/broker/client-identity';
import { clientResponse, clientsResponse, topicsResponse } from '@holdfast/protocol/rest/clients';
import { publishResponse } from '@holdfast/protocol/rest/messages';
import { disconnectUserResponse, revokeResponse, userResponse, usersResponse } from '@holdfast/protocol/rest/users';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BulkReads } from '../limits/bulk-reads.ts';
import { type CallOptions, type KeyName, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { type TestEdge, startTestEdge } from '../testing/edge.ts';

let api: TestApi;
let edge: TestEdge;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a');
});
afterAll(() => api.stop());
// One of its own for each test: its lease is not renewed.
beforeEach(async () => {
  edge = await startTestEdge(api);
});
afterEach(() => edge.stop());

const someUser = () => `ann ${randomUUID()}`;
const path = (user: string, rest = '') => `/v1/users/${encodeURIComponent(user)}${rest}`;
const post = (user: string, act: string, options: CallOptions = { key: 'all' }) =>
  api.call('POST', path(user, act), options);

async function clientOfToken(user: string, key: KeyName, issuedAt: number): Promise<string> {
  const clientId = randomUUID();
  const identity = { ...NO_IDENTITY, user, token: { expiresAt: Date.now() + 60_000, issuedAt, topics: [] } };
  const client = { clientId, key, name: null, registeredAt: Date.now(), topics: new Map(), identity };
  expect(await api.broker.register(client, null)).toBe('registered');
  return clientId;
}

describe('registering with user, info and may', () => {
  const who = { user: 'Zoë/{a} & "b"', info: { name: 'Zoë', n: [1] }, may: { subscribe: ['news.*'], presence: [] } };

  test('shows them in the view of the client, with its expiry, and by user in lists', async () => {
    const clientId = await api.client({ key: 'people', ...who });
    const view = expectBody(await api.call('GET', `/v1/clients/${clientId}`), 200, clientResponse);
    expect(view).toMatchObject({ ...who, expiresAt: null, clientExpirySeconds: 3600, topics: [] });
    const list = await api.call('GET', `/v1/clients?user=${encodeURIComponent(who.user)}`, { key: 'all' });
    const { clients } = expectBody(list, 200, clientsResponse);
    expect(clients).toMatchObject([{ ref: view.ref, user: who.user, topics: [] }]);
    expect(list.text).not.toContain(clientId);
  });

  test.each([
    { fault: { user: '' }, field: 'body.user' },
    { fault: { user: 'a\u0000b' }, field: 'body.user' },
    { fault: { user: 'x'.repeat(129) }, field: 'body.user' },
    { fault: { user: 7 }, field: 'body.user' },
    { fault: { info: 'x'.repeat(2048) }, field: 'body.info' },
    { fault: { may: { subscribe: ['a..b'] } }, field: 'body.may.subscribe[0]' },
    { fault: { may: { publish: ['news.*'] } }, field: 'body.may.publish' },
    { fault: { may: { subscribe: Array.from({ length: 101 }, () => 'a') } }, field: 'body.may.subscribe' },
  ])('refuses what is wrong, and names it: $field', async ({ fault, field }) => {
    const answer = await api.call('POST', '/v1/clients', { key: 'all', body: fault });
    expect(answer).toBeProblem(400, 'invalid-request');
    expect(answer.body['errors']).toMatchObject([{ field }]);
  });

  test('is nothing without them', async () => {
    const clientId = await api.client({ key: 'all' });
    const view = expectBody(await api.call('GET', `/v1/clients/${clientId}`), 200, clientResponse);
    expect(view).toMatchObject({ user: null, info: null, may: null, expiresAt: null, clientExpirySeconds: null });
  });
});

describe('the topic of a user', () => {
  test('is named in no answer but as @user among what is served', async () => {
    const user = someUser();
    const clientId = await api.client({ user, topics: ['news.a'] });
    const internal = [...((await api.broker.readClient(clientId))?.topics.keys() ?? [])].find((name) =>
      name.startsWith('@'),
    );
    await edge.hold(clientId, { 'news.a': '1-0', [internal ?? '']: '2-0' });
    const read = await api.call('GET', `/v1/clients/${clientId}`);
    const view = expectBody(read, 200, clientResponse);
    expect(view.topics).toEqual(['news.a']);
    expect(view.served).toEqual({ 'news.a': { position: '1-0' }, '@user': { position: '2-0' } });
    const body = { topics: ['news.a'] };
    const subscribed = await api.call('POST', `/v1/clients/${clientId}/topics`, { body });
    expect(expectBody(subscribed, 202, topicsResponse).topics).toEqual(['news.a']);
    const left = await api.call('DELETE', `/v1/clients/${clientId}/topics`, { body });
    expect(expectBody(left, 202, topicsResponse).topics).toEqual([]);
    const others = [
      await api.call('GET', '/v1/clients', { key: 'all' }),
      await api.call('GET', '/v1/topics', { key: 'all' }),
    ];
    for (const { text } of [read, subscribed, left, ...others]) expect(text).not.toContain('@user:');
    // It is subscribed to it still.
    expect((await api.broker.readClient(clientId))?.topics.has(internal ?? '')).toBe(true);
  });

  test.each(['@user', '@user:ann'])('cannot be named: %s', async (topic) => {
    const clientId = await api.client({ user: 'ann' });
    const subscribe = await api.call('POST', `/v1/clients/${clientId}/topics`, { body: { topics: [topic] } });
    expect(subscribe).toBeProblem(400, 'invalid-request');
    for (const rest of ['', '/messages']) {
      const read = await api.call('GET', `/v1/topics/${encodeURIComponent(topic)}${rest}`, { key: 'all' });
      expect(read).toBeProblem(400, 'invalid-request');
    }
  });
});

describe('looking at users', () => {
  test('counts clients and connections; one without a client has none', async () => {
    const user = someUser();
    const [first] = [await api.client({ user }), await api.client({ user, key: 'people' })];
    expect(expectBody(await api.call('GET', path(user), { key: 'all' }), 200, userResponse)).toEqual({
      user,
      connected: false,
      clients: 2,
      connections: 0,
    });
    await edge.hold(first);
    const body = { users: [user, 'none ever', user] };
    const { users } = expectBody(
      await api.call('POST', '/v1/users/status', { key: 'lookers', body }),
      200,
      usersResponse,
    );
    const there = { user, connected: true, clients: 2, connections: 1 };
    expect(users).toEqual([there, { user: 'none ever', connected: false, clients: 0, connections: 0 }, there]);
  });

  test('counts more clients than are read at a time', async () => {
    const user = someUser();
    const ids = await Promise.all(Array.from({ length: 600 }, () => clientOfToken(user, 'all', 1)));
    await Promise.all(ids.slice(0, 400).map((id) => edge.hold(id)));
    const answer = await api.call('GET', path(user), { key: 'all' });
    expect(expectBody(answer, 200, userResponse)).toMatchObject({ clients: 600, connections: 400 });
    const revoked = await post(user, '/revoke');
    expect(expectBody(revoked, 202, revokeResponse)).toEqual({ user, clients: 600 });
    const ended = await post(user, '/disconnect');
    expect(expectBody(ended, 202, disconnectUserResponse)).toEqual({ user, clients: 600, connections: 400 });
  });

  test.each([
    ['all', 200],
    ['news', 200],
    ['lookers', 200],
    ['readers', 403],
    ['toUsers', 403],
  ] as const)('takes a right to manage, or presence on @users: %s', async (key, status) => {
    expect((await api.call('GET', path('ann'), { key })).status).toBe(status);
    expect((await api.call('POST', '/v1/users/status', { key, body: { users: ['ann'] } })).status).toBe(status);
  });

  test('refuses names and numbers of users that are wrong', async () => {
    expect(await api.call('GET', path('a\u0007'), { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.call('GET', '/v1/users/%FF', { key: 'all' })).toMatchObject({ status: 400 });
    for (const user of ['.', '..', '~0123456789abcdef', 'a'.repeat(129), '\ud800', '']) {
      const answer = await api.call('POST', '/v1/users/status', { key: 'all', body: { users: ['ann', user] } });
      expect(answer.body['errors']).toMatchObject([{ field: 'body.users[1]', rule: expect.stringMatching(/^must /) }]);
      const body = { user };
      const register = await api.call('POST', '/v1/clients', { key: 'all', body });
      expect(register.body['errors']).toMatchObject([{ field: 'body.user', rule: expect.stringMatching(/^must /) }]);
    }
    for (const users of [[], [''], Array.from({ length: 101 }, () => 'a')]) {
      const answer = await api.call('POST', '/v1/users/status', { key: 'all', body: { users } });
      expect(answer).toBeProblem(400, 'invalid-request');
    }
  });
});

describe('disconnecting a user', () => {
  test('closes the connections of the clients that the key manages, and no others', async () => {
    const user = someUser();
    const [own, foreign] = [await api.client({ user, key: 'people' }), await api.client({ user })];
    const generations = [await edge.hold(own), await edge.hold(foreign)];
    const upTo = async () => (await api.broker.readClients([own, foreign])).map((client) => client?.disconnectUpTo);
    const byPeople = await post(user, '/disconnect', { key: 'people' });
    expect(expectBody(byPeople, 202, disconnectUserResponse)).toEqual({ user, clients: 1, connections: 1 });
    expect(await upTo()).toEqual([generations[0], 0]);
    const byAll = await post(user, '/disconnect');
    expect(expectBody(byAll, 202, disconnectUserResponse)).toEqual({ user, clients: 2, connections: 2 });
    expect(await upTo()).toEqual(generations);
    expect(await edge.broker.readPending(edge.id, 100)).toEqual(expect.arrayContaining([own, foreign]));
  });

  test('takes the right to manage, and has a line in the audit log', async () => {
    const user = 'ann of the audit';
    expect(await post(user, '/disconnect', { key: 'lookers' })).toBeProblem(403, 'not-permitted');
    expect((await post(user, '/disconnect')).body).toEqual({ user, clients: 0, connections: 0 });
    await post(user, '/revoke');
    expect(api.log.linesWith('audit').filter((line) => line['user'] === user)).toMatchObject([
      { key: 'lookers', action: 'disconnect-user', outcome: 'not-permitted' },
      { key: 'all', action: 'disconnect-user', outcome: 'done' },
      { key: 'all', action: 'revoke-user', outcome: 'done' },
    ]);
  });
});

test.each(['/disconnect', '/revoke'])('%s waits for no large read', async (act) => {
  const user = someUser();
  await clientOfToken(user, 'all', 1);
  const reads = vi.spyOn(BulkReads.prototype, 'run').mockReturnValue(new Promise(() => undefined));
  onTestFinished(() => reads.mockRestore());
  expect((await post(user, act)).body).toMatchObject({ user, clients: 1 });
  expect(reads).not.toHaveBeenCalled();
});

/** When the authorization of a client ends. */
const endOf = async (clientId: string) => (await api.broker.readClient(clientId))?.identity.token?.expiresAt;

describe('revoking the tokens of a user', () => {
  test('ends the clients whose token was issued before, and leaves those without one', async () => {
    const user = someUser();
    const now = Date.now();
    const [old, recent] = [await clientOfToken(user, 'all', now - 60_000), await clientOfToken(user, 'all', now)];
    const without = await api.client({ user });
    await edge.hold(old);
    const body = { issuedBefore: new Date(now - 1000).toISOString() };
    expect(expectBody(await post(user, '/revoke', { key: 'all', body }), 202, revokeResponse)).toEqual({
      user,
      clients: 1,
    });
    expect(await endOf(old)).toBe(1);
    expect(await endOf(recent)).toBeGreaterThan(now);
    expect((await api.broker.readClient(without))?.identity.token).toBeNull();
    expect(await edge.broker.readPending(edge.id, 1000)).toContain(old);
    expect(await api.broker.revokedBefore(user, 'all')).toBe(now - 1000);
  });

  test('means now when no time is given, and takes seconds as of iat', async () => {
    const user = someUser();
    const before = Date.now();
    expect((await post(user, '/revoke')).body).toEqual({ user, clients: 0 });
    expect(await api.broker.revokedBefore(user, 'all')).toBeGreaterThanOrEqual(before);
    const other = someUser();
    await post(other, '/revoke', { key: 'all', body: { issuedBefore: 1_700_000_000 } });
    expect(await api.broker.revokedBefore(other, 'all')).toBe(1_700_000_000_000);
  });

  test('is for the tokens of the own key, and with ** for those of all', async () => {
    const user = someUser();
    const [own, foreign] = [await clientOfToken(user, 'people', 1000), await clientOfToken(user, 'all', 1000)];
    expect((await post(user, '/revoke', { key: 'people' })).body).toEqual({ user, clients: 1 });
    expect(await endOf(own)).toBe(1);
    expect(await endOf(foreign)).toBeGreaterThan(1);
    expect(await api.broker.revokedBefore(user, 'people')).toBeGreaterThan(0);
    expect(await api.broker.revokedBefore(user, 'all')).toBe(0);
    expect((await post(user, '/revoke')).body).toEqual({ user, clients: 1 });
    expect(await api.broker.revokedBefore(user, 'news')).toBeGreaterThan(0);
  });

  test('refuses a time that is yet to come, or is none, and notes nothing', async () => {
    const user = someUser();
    for (const issuedBefore of [Date.now() + 3_600_000, 1e300, -1, 'soon', null, [], '2026-13-01T00:00:00Z']) {
      const answer = await post(user, '/revoke', { key: 'all', body: { issuedBefore } });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([
        { field: 'body.issuedBefore', rule: expect.stringMatching(/^must /) },
      ]);
    }
    for (const raw of ['{"issuedBefore":1e999}', '{"issuedBefore":NaN}', '{"issuedBefore":Infinity}', '[]', '5']) {
      expect((await post(user, '/revoke', { key: 'all', raw })).status).toBe(400);
    }
    expect(await api.broker.revokedBefore(user, 'all')).toBe(0);
    expect(await post(user, '/revoke', { key: 'lookers' })).toBeProblem(403, 'not-permitted');
  });
});

describe('publishing to a user', () => {
  test('passes the bytes on, once for an Idempotency-Key', async () => {
    const user = someUser();
    await api.client({ user });
    const raw = '{"a" : 1.0}';
    const options = { key: 'toUsers', raw, headers: { 'idempotency-key': 'k' } } as const;
    const first = expectBody(await post(user, '/messages', options), 202, publishResponse);
    expect(first.topic).toBe('@user');
    expect((await post(user, '/messages', options)).body).toEqual(first);
    expect(await post(user, '/messages', { ...options, raw: '2' })).toBeProblem(409, 'idempotency-conflict');
    const [topic] = (await api.broker.listClientsOf(user, null, 1)).items.flatMap(({ topics }) => [...topics.keys()]);
    const log = await api.broker.readLog(topic ?? '', null, 10);
    expect(log?.entries.map(({ id, data }) => [id, String(data)])).toEqual([[first.id, raw]]);
  });

  test('answers 404 for a user without a client, 403 without the right, 400 and 413 for what is no message', async () => {
    const user = someUser();
    expect(await post(user, '/messages', { key: 'toUsers', raw: '1' })).toBeProblem(404, 'no-such-user');
    expect(await post(user, '/messages', { key: 'toClients', raw: '1' })).toBeProblem(403, 'not-permitted');
    expect(await post(user, '/messages', { key: 'news', raw: '1' })).toBeProblem(403, 'not-permitted');
    expect(await post(user, '/messages', { key: 'all', raw: '{' })).toBeProblem(400, 'malformed-json');
    const big = JSON.stringify('x'.repeat(65_536));
    expect(await post(user, '/messages', { key: 'all', raw: big })).toBeProblem(413, 'payload-too-large');
  });
});
