import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('the log of calls', () => {
  test('has the route, the method, the status and the key id of each call at debug', async () => {
    await api.call('GET', '/v1/topics?limit=5', { key: 'all' });
    const lines = await eventually(() => {
      const found = api.log.linesWith('call').filter(({ route }) => route === '/v1/topics');
      expect(found).toHaveLength(1);
      return found;
    });
    expect(lines[0]).toMatchObject({ level: 'debug', method: 'GET', status: 200, key: 'all', ip: '127.0.0.1' });
  });

  test('never has a client id, a secret or a query', async () => {
    await api.topics('news.private');
    const clientId = await api.client({ topics: ['news.private'] });
    await api.call('GET', `/v1/clients/${clientId}`);
    await api.call('DELETE', `/v1/clients/${clientId}/topics?topics=news.private`);
    await api.call('GET', '/v1/topics?api_key=all.a-secret');
    await api.call('GET', `/nowhere/${clientId}?x=all.a-secret`, { key: 'all' });
    await api.call('DELETE', `/v1/clients/${clientId}`);
    await eventually(() => {
      expect(api.log.linesWith('call').some(({ route }) => route === 'unmatched')).toBe(true);
    });
    const all = JSON.stringify(api.log.lines);
    for (const secret of [clientId, 'a-secret', 'news.private']) expect(all).not.toContain(secret);
  });

  test('believes X-Forwarded-For from trusted proxies only', async () => {
    const own = await startTestApi(undefined, ['10.0.0.0/8']);
    try {
      for (const remoteAddress of ['10.1.2.3', '192.168.0.1']) {
        const headers = { 'x-forwarded-for': '203.0.113.7' };
        await own.app.inject({ url: '/v1/edges', remoteAddress, headers });
      }
      await eventually(() => {
        expect(own.log.linesWith('call').map(({ ip }) => ip)).toEqual(['203.0.113.7', '192.168.0.1']);
      });
    } finally {
      await own.stop();
    }
  });
});
