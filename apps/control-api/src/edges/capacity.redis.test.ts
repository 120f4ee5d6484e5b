import { capacityResponse } from '@holdfast/protocol/rest/edges';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

const PATH = '/v1/capacity';
const load = {
  host: 'a-host',
  cores: 2,
  cpu: 0.5,
  eventLoopUtilization: 0.4,
  rssBytes: 200_000_000,
  availableBytes: 1_000_000_000,
  messagesPerSecond: 100,
  deliveriesPerSecond: 20_000,
};

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('GET /v1/capacity', () => {
  test('answers 200 with every live edge, the Redis, and what more fits in', async () => {
    const edge = await startTestEdge(api, { connections: 30, maxConnections: 100, load });
    const capacity = expectBody(await api.call('GET', PATH, { key: 'news' }), 200, capacityResponse);
    expect(capacity.edges).toEqual([
      { id: edge.id, url: edge.url, connections: 30, maxConnections: 100, draining: false, load },
    ]);
    expect(capacity.total).toMatchObject({ connections: 30, maxConnections: 100, deliveriesPerSecond: 20_000 });
    expect(capacity.used).toMatchObject({ connections: 0.3, edgeCpu: 0.5 });
    expect(capacity.headRoom.connections).toBe(70);
    expect(capacity.headRoom.deliveriesPerSecond).toBeGreaterThan(10_000);
    const [redis] = capacity.redis;
    expect(redis?.usedBytes).toBeGreaterThan(500_000);
    expect(redis?.connectedClients).toBeGreaterThan(0);
    edge.stop();
  });

  test('answers 403 key-missing without a key and not-permitted to a key that manages nothing', async () => {
    expect(await api.call('GET', PATH)).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', PATH, { key: 'readers' })).toBeProblem(403, 'not-permitted');
  });

  test('answers 503 redis-unavailable while Redis is away', async () => {
    const redis = await startPrivateRedis();
    const alone = await startTestApi(redis.url);
    await redis.kill();
    expect(await alone.call('GET', PATH, { key: 'all' })).toBeProblem(503, 'redis-unavailable');
    await alone.stop();
    await redis.stop();
  });
});
