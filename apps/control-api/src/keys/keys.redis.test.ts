import { createHash, randomUUID } from 'node:crypto';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { keysResponse } from '@holdfast/protocol/rest/keys';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeyName, type TestApi, expectBody, keyNamed, startTestApi } from '../testing/api.ts';

const PATH = '/v1/keys';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const read = async (query = '') =>
  expectBody(await api.call('GET', `${PATH}${query}`, { key: 'all' }), 200, keysResponse);
const shown = async (id: string) => (await read('?limit=1000')).keys.find((key) => key.id === id);

describe('GET /v1/keys', () => {
  test('answers 200 with every key in the order of ids: what it may, its quotas, and that it has expired', async () => {
    const { keys, cursor } = await read('?limit=1000');
    expect(keys.map(({ id }) => id)).toEqual(api.keys.ids().toSorted());
    expect(cursor).toBeNull();
    expect(keys.find(({ id }) => id === 'maker')).toMatchObject({
      can: { register: false, subscribe: [], publish: [], manage: ['quota.*'], create: [], presence: [] },
      maxClients: null,
      maxTopics: 2,
      maxHistoryMessages: 10,
      expiresAt: null,
      expired: false,
      tokens: null,
    });
    expect(keys.find(({ id }) => id === 'expired')).toMatchObject({ expired: true, expiresAt: '2020-01-01T00:00:00Z' });
  });

  test('comes in pages', async () => {
    const all = api.keys.ids().toSorted();
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Awaited<ReturnType<typeof read>> = await read(`?limit=5${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.keys.length).toBeLessThanOrEqual(5);
      found.push(...page.keys.map(({ id }) => id));
      ({ cursor } = page);
    }
    expect(found).toEqual(all);
  });

  test('counts what each has', async () => {
    await api.client({ key: 'people' });
    await api.client({ key: 'people' });
    await api.call('PUT', '/v1/topics/quota.a', { key: 'maker', body: { history: { size: 7 } } });
    expect(await shown('people')).toMatchObject({ used: { clients: 2, topics: 0, historyMessages: 0 } });
    expect(await shown('maker')).toMatchObject({ used: { clients: 0, topics: 1, historyMessages: 7 } });
  });

  test('holds no secret, no hash and no key of tokens', async () => {
    const secretSha256 = createHash('sha256').update('another-secret').digest('hex');
    const x = 'A'.repeat(43);
    const tokens = {
      hmac: { alg: 'HS256', secret: 'secret-of-tokens', issuer: 'us', audience: 'them', maxSeconds: 60 },
      pair: { alg: 'EdDSA', publicJwk: { kty: 'OKP', crv: 'Ed25519', x } },
      remote: { alg: 'ES256', jwksUrl: 'https://login.example.com/jwks' },
    };
    const added = Object.entries(tokens).map(([id, settings]) => ({ id, secretSha256, tokens: settings }));
    const before = api.keys.ids().map((id) => api.keys.get(id)!);
    api.keys.replace([...before, ...apiKeysFile.parse({ keys: added }).keys]);
    const answer = await api.call('GET', `${PATH}?limit=1000`, { key: 'all' });
    api.keys.replace(before);
    for (const hidden of [secretSha256, 'secret-of-tokens', x, 'secretSha256', keyNamed('all').split('.')[1] ?? '']) {
      expect(answer.text).not.toContain(hidden);
    }
    const { keys } = expectBody(answer, 200, keysResponse);
    const of = (id: string) => keys.find((key) => key.id === id)?.tokens;
    expect(of('hmac')).toEqual({ alg: 'HS256', issuer: 'us', audience: 'them', maxSeconds: 60, jwksUrl: null });
    expect(of('pair')).toEqual({ alg: 'EdDSA', issuer: null, audience: 'holdfast', maxSeconds: 3600, jwksUrl: null });
    expect(of('remote')).toMatchObject({ alg: 'ES256', jwksUrl: 'https://login.example.com/jwks' });
  });

  test.each<[KeyName, number]>([
    ['all', 200],
    ['keeper', 200],
    ['news', 403],
    ['people', 403],
    ['maker', 403],
    ['readers', 403],
    ['powerless', 403],
  ])('with the key %s answers %i: it takes "**" in can.manage', async (key, status) => {
    const answer = await api.call('GET', PATH, { key });
    expect(answer.status).toBe(status);
    expect(answer.text.includes('maxClients')).toBe(status === 200);
  });

  test('answers 400 to a cursor that is no id of a key, and to parameters that it does not have', async () => {
    expect(await api.call('GET', `${PATH}?cursor=a.b`, { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.call('GET', `${PATH}?limit=0`, { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.call('GET', `${PATH}?secrets=1`, { key: 'all' })).toBeProblem(400, 'invalid-request');
  });
});

describe('when a key was used', () => {
  test('is noted with its first call, and not with every one', async () => {
    expect(await shown('toClients')).toMatchObject({ lastUsedAt: null });
    const begun = Date.now();
    await api.call('GET', '/v1/topics', { key: 'toClients' });
    const first = await eventually(async () => {
      const key = await shown('toClients');
      expect(key?.lastUsedAt).not.toBeNull();
      return Date.parse(key?.lastUsedAt ?? '');
    });
    expect(first).toBeGreaterThanOrEqual(begun);
    for (let call = 0; call < 20; call += 1) await api.call('GET', '/v1/topics', { key: 'toClients' });
    expect(Date.parse((await shown('toClients'))?.lastUsedAt ?? '')).toBe(first);
  });

  test('is not noted for a wrong secret, nor for a client of it that comes with its UUID', async () => {
    const clientId = randomUUID();
    await api.broker.register(
      { clientId, key: 'watcher', name: null, registeredAt: Date.now(), topics: new Map() },
      null,
    );
    await api.call('GET', `/v1/clients/${clientId}`);
    await api.call('GET', '/v1/topics', { headers: { 'x-api-key': 'watcher.wrong' } });
    expect(await shown('watcher')).toMatchObject({ used: { clients: 1 }, lastUsedAt: null });
  });
});
