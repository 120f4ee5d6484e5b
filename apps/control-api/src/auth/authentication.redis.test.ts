import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, keyNamed, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const KEYED = [
  ['POST', '/v1/clients'],
  ['GET', '/v1/clients'],
  ['POST', `/v1/clients/${randomUUID()}/disconnect`],
  ['POST', `/v1/clients/${randomUUID()}/messages`],
  ['PUT', '/v1/topics/a'],
  ['GET', '/v1/topics'],
  ['GET', '/v1/topics/a'],
  ['DELETE', '/v1/topics/a'],
  ['POST', '/v1/topics/a/messages'],
  ['GET', '/v1/topics/a/messages'],
  ['POST', '/v1/messages'],
  ['GET', '/v1/edges'],
  ['GET', '/v1/keys'],
  ['POST', '/v1/keys'],
  ['DELETE', '/v1/keys/no-such-key'],
  ['GET', '/v1/doctor'],
  ['POST', '/v1/edges/e/drain'],
  ['POST', '/v1/edges/e/undrain'],
] as const;

describe('every call that needs a key', () => {
  test.each(KEYED)('%s %s answers 403 key-missing, key-unknown and key-expired', async (method, path) => {
    expect(await api.call(method, path)).toBeProblem(403, 'key-missing');
    for (const presented of ['all.wrong', 'missing.a-secret', 'all', '.', 'all.', `${keyNamed('all')} `.repeat(2)]) {
      expect(await api.call(method, path, { headers: { 'x-api-key': presented } })).toBeProblem(403, 'key-unknown');
    }
    expect(await api.call(method, path, { key: 'expired' })).toBeProblem(403, 'key-expired');
  });

  test.each(KEYED)('%s %s takes the key as a bearer token', async (method, path) => {
    for (const scheme of ['Bearer', 'bearer']) {
      const headers = { authorization: `${scheme} ${keyNamed('all')}` };
      expect((await api.call(method, path, { headers })).status).not.toBe(403);
    }
  });
});

describe('an API key in the query', () => {
  const clientId = randomUUID();

  test.each(['key', 'apiKey', 'api_key', 'api-key', 'x-api-key', 'X-API-Key', 'apikey'])(
    'as ?%s= answers 400 key-in-query, also when the key is good and on calls without a key',
    async (name) => {
      const query = `?${name}=${keyNamed('all')}`;
      for (const path of ['/v1/topics', `/v1/clients/${clientId}`, '/v1/edges', '/nowhere']) {
        const answer = await api.call('GET', `${path}${query}`, { key: 'all' });
        expect(answer).toBeProblem(400, 'key-in-query');
        expect(answer.text).not.toContain('a-secret');
      }
    },
  );
});

test('a key may hold dots in its secret', async () => {
  const { apiKeysFile } = await import('@holdfast/protocol/api-key');
  const { createHash } = await import('node:crypto');
  const secretSha256 = createHash('sha256').update('a.b.c').digest('hex');
  const { keys } = apiKeysFile.parse({ keys: [{ id: 'dotted', secretSha256 }] });
  api.keys.replace([...api.keys.ids().flatMap((id) => api.keys.get(id) ?? []), ...keys]);
  expect((await api.call('GET', '/v1/topics', { headers: { 'x-api-key': 'dotted.a.b.c' } })).status).toBe(200);
});
