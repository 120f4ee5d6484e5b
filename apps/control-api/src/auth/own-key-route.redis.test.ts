import { ownKeyResponse } from '@holdfast/protocol/rest/own-key';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('GET /v1/key', () => {
  test('answers 200 with what the presented key may, and nothing of its secret', async () => {
    const answer = await api.call('GET', '/v1/key', { key: 'maker' });
    expect(expectBody(answer, 200, ownKeyResponse)).toEqual({
      id: 'maker',
      can: { register: false, subscribe: [], publish: [], manage: ['quota.*'], create: [], presence: [] },
      maxClients: null,
      maxTopics: 2,
      maxHistoryMessages: 10,
      expiresAt: null,
    });
  });

  test('is for keys without any right as well', async () => {
    expect((await api.call('GET', '/v1/key', { key: 'powerless' })).status).toBe(200);
  });

  test('answers 403 without a key, and to one that has expired', async () => {
    expect(await api.call('GET', '/v1/key')).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', '/v1/key', { key: 'expired' })).toBeProblem(403, 'key-expired');
  });
});
