import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRedis } from './observability/health.ts';
import { type CallOptions, type TestApi, startTestApi } from './testing/api.ts';
import { signedCall } from './testing/signed-calls.ts';

let server: PrivateRedis;
let api: TestApi;
let stopChecking: () => void;
beforeAll(async () => {
  server = await startPrivateRedis();
  api = await startTestApi(server.url);
  stopChecking = checkRedis(api.broker, api.redis, api.health, api.log.logger);
  await api.topics('news.a');
  await server.kill();
});
afterAll(async () => {
  stopChecking();
  await api.stop();
  await server.stop();
});

const clientId = randomUUID();
const topics: CallOptions = { body: { topics: ['news.a'] } };
const message: CallOptions = { key: 'all', raw: '1' };
const batch: CallOptions = { key: 'all', body: { messages: [{ topics: ['news.a'], data: 1 }] } };
const byOperator: CallOptions = { key: 'all' };

const CALLS = [
  ['Register', 'POST', '/v1/clients', { key: 'all' }],
  ['Register with topics', 'POST', '/v1/clients', { key: 'all', ...topics }],
  ['Unregister', 'DELETE', `/v1/clients/${clientId}`, {}],
  ['SubscribeTopic', 'POST', `/v1/clients/${clientId}/topics`, topics],
  ['UnSubscribeTopic', 'DELETE', `/v1/clients/${clientId}/topics`, topics],
  ['reading a client', 'GET', `/v1/clients/${clientId}`, {}],
  ['listing clients', 'GET', '/v1/clients', byOperator],
  ['disconnecting a client', 'POST', `/v1/clients/${clientId}/disconnect`, byOperator],
  ['creating a topic', 'PUT', '/v1/topics/news.b', byOperator],
  ['listing topics', 'GET', '/v1/topics', byOperator],
  ['reading a topic', 'GET', '/v1/topics/news.a', byOperator],
  ['deleting a topic', 'DELETE', '/v1/topics/news.a', byOperator],
  ['publishing', 'POST', '/v1/topics/news.a/messages', message],
  ['publishing a batch', 'POST', '/v1/messages', batch],
  ['publishing to a client', 'POST', `/v1/clients/${clientId}/messages`, message],
  ['reading a log', 'GET', '/v1/topics/news.a/messages', byOperator],
  ['listing edges', 'GET', '/v1/edges', byOperator],
  ['reading the capacity', 'GET', '/v1/capacity', byOperator],
] as const;

const event = { name: 'x', channel: 'presence-a', data: '' };
const SIGNED_CALLS = [
  ['publishing an event', 'POST', 'events', { body: event }],
  ['publishing a batch of events', 'POST', 'batch_events', { body: { batch: [event] } }],
  ['listing channels', 'GET', 'channels', {}],
  ['reading a channel', 'GET', 'channels/presence-a', {}],
  ['listing the users on a channel', 'GET', 'channels/presence-a/users', {}],
  ['counting connections', 'GET', 'connections', {}],
  ['ending connections of a user', 'POST', 'users/ann/terminate_connections', { body: {} }],
] as const;

describe('while Redis is away', () => {
  test.each(SIGNED_CALLS)('%s answers 503 redis-unavailable with Retry-After', async (_, method, path, options) => {
    const answer = await signedCall(api, method, `/apps/3/${path}`, options);
    expect(answer).toBeProblem(503, 'redis-unavailable');
    expect(answer.text).not.toContain('Idempotency-Key');
    expect(answer.headers['retry-after']).toBe('1');
  });

  test.each(CALLS)('%s answers 503 redis-unavailable with Retry-After', async (_name, method, path, options) => {
    const answer = await api.call(method, path, options);
    expect(answer).toBeProblem(503, 'redis-unavailable');
    expect(answer.headers['retry-after']).toBe('1');
  });

  test('refusals that need no Redis stay what they are', async () => {
    expect(await api.call('POST', '/v1/clients')).toBeProblem(403, 'key-missing');
    expect(await api.call('DELETE', '/v1/clients/x')).toBeProblem(400, 'invalid-request');
  });

  test('/healthz answers 200, and /readyz 503 with the reason', async () => {
    expect((await api.call('GET', '/healthz')).status).toBe(200);
    await eventually(async () => expect((await api.call('GET', '/readyz')).status).toBe(503));
    const { body } = await api.call('GET', '/readyz');
    expect(body).toMatchObject({ checks: { redis: expect.stringContaining('Redis does not answer') as string } });
  });

  test('there is one warning of each connection, and none of each call', () => {
    const warnings = api.log.lines.filter(({ level }) => level === 'warn');
    expect(new Set(warnings.map(({ msg }) => msg))).toEqual(new Set(['redis lost']));
    // One of each connection: that of calls and that of bulk reads.
    expect(warnings.length).toBe(2);
  });
});

test('when Redis is back, calls are answered again and /readyz says so, by themselves', async () => {
  const again = await startPrivateRedis({ port: server.port });
  try {
    await eventually(async () => expect((await api.call('GET', '/v1/topics', byOperator)).status).toBe(200));
    await eventually(async () => expect((await api.call('GET', '/readyz')).status).toBe(200));
  } finally {
    await again.stop();
  }
});
