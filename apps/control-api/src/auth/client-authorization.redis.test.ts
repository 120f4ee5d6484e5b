import { randomUUID } from 'node:crypto';
import { NO_IDENTITY } from '@holdfast/broker/client-identity';
import { clientResponse, unregisterResponse } from '@holdfast/protocol/rest/clients';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';

const LEEWAY_MS = 30_000;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a');
});
afterAll(() => api.stop());

/** A client of a token, registered as one. */
async function clientOfToken(expiresAt: number): Promise<string> {
  const clientId = randomUUID();
  const identity = { ...NO_IDENTITY, user: 'ann', token: { expiresAt, issuedAt: Date.now() - 3_600_000, topics: [] } };
  await api.broker.register(
    { clientId, key: 'all', name: null, registeredAt: Date.now(), topics: new Map(), identity },
    null,
  );
  return clientId;
}

/** Every call that a UUID opens. */
const calls = {
  'GET client': (id: string) => api.call('GET', `/v1/clients/${id}`),
  Subscribe: (id: string) => api.call('POST', `/v1/clients/${id}/topics`, { body: { topics: ['news.a'] } }),
  UnSubscribe: (id: string) => api.call('DELETE', `/v1/clients/${id}/topics`, { body: { topics: ['news.a'] } }),
  Unregister: (id: string) => api.call('DELETE', `/v1/clients/${id}`),
};

describe.each(Object.entries(calls))('%s by the UUID of a client of tokens', (_, call) => {
  test('is refused once the leeway behind its end has passed, and changes nothing', async () => {
    const clientId = await clientOfToken(Date.now() - LEEWAY_MS);
    const before = await api.broker.readClient(clientId);
    expect(await call(clientId)).toBeProblem(403, 'token-expired');
    expect(await api.broker.readClient(clientId)).toEqual(before);
  });

  test('is refused at once when its token was revoked', async () => {
    const clientId = await clientOfToken(Date.now() + LEEWAY_MS);
    expect(await api.broker.revokeClient(clientId, Date.now())).toBe(true);
    const before = await api.broker.readClient(clientId);
    expect(await call(clientId)).toBeProblem(403, 'token-revoked');
    expect(await api.broker.readClient(clientId)).toEqual(before);
  });

  test('is answered within the leeway', async () => {
    expect((await call(await clientOfToken(Date.now() - LEEWAY_MS / 2))).status).toBeLessThan(300);
  });
});

test('a key that manages the client sees and unregisters it by ref all the same', async () => {
  const clientId = await clientOfToken(Date.now() - 2 * LEEWAY_MS);
  const [ref = ''] = await api.broker.refsOf([clientId]);
  const seen = expectBody(await api.call('GET', `/v1/clients/${ref}`, { key: 'all' }), 200, clientResponse);
  expect(Date.parse(seen.expiresAt ?? '')).toBeLessThan(Date.now());
  expect(seen.clientExpirySeconds).toBe(7 * 24 * 3600);
  expectBody(await api.call('DELETE', `/v1/clients/${ref}`, { key: 'all' }), 200, unregisterResponse);
});
