import { edgesResponse } from '@holdfast/protocol/rest/edges';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('GET /v1/edges', () => {
  test('answers 200 with every live edge, draining ones too, and none that is dead', async () => {
    const read = async () => expectBody(await api.call('GET', '/v1/edges', { key: 'news' }), 200, edgesResponse).edges;
    expect(await read()).toEqual([]);
    const busy = await startTestEdge(api, { connections: 3, maxConnections: 10, draining: true });
    const dead = await startTestEdge(api);
    await dead.die();
    expect(await read()).toMatchObject([
      { id: busy.id, url: busy.url, connections: 3, maxConnections: 10, draining: true },
    ]);
    for (const edge of [busy, dead]) edge.stop();
  });

  test('answers 403 key-missing without a key and not-permitted to a key that manages nothing', async () => {
    expect(await api.call('GET', '/v1/edges')).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', '/v1/edges', { key: 'readers' })).toBeProblem(403, 'not-permitted');
  });
});
