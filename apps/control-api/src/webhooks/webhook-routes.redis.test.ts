import { webhookTestResponse, webhooksResponse } from '@holdfast/protocol/rest/webhooks';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeyName, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { type Answering, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { type TestWebhooks, endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';
import { NO_WEBHOOKS, type Webhooks } from './webhooks.ts';

let api: TestApi;
let current: Webhooks = NO_WEBHOOKS;
beforeAll(async () => {
  const webhooks: Webhooks = {
    list: () => current.list(),
    test: (id) => current.test(id),
    replay: (id, since) => current.replay(id, since),
    enable: (id) => current.enable(id),
  };
  api = await startTestApi(undefined, [], [], {}, webhooks);
});
afterAll(() => api.stop());

const CALLS = [
  ['GET', '/v1/webhooks', undefined],
  ['POST', '/v1/webhooks/backend/test', undefined],
  ['POST', '/v1/webhooks/backend/replay', { since: '2026-11-28T00:00:00Z' }],
  ['POST', '/v1/webhooks/backend/enable', undefined],
] as const;

async function startOne({ id = 'backend', answering = takes }: { id?: string; answering?: Answering } = {}): Promise<{
  webhooks: TestWebhooks;
  events: Awaited<ReturnType<typeof openEvents>>;
}> {
  const events = await openEvents();
  const receiver = await startReceiver(answering);
  const endpoint = endpointOf(receiver, id, { url: `${receiver.url}?token=secret`, topics: ['a.**'] });
  const webhooks = await startTestWebhooks(events, [endpoint]);
  current = webhooks;
  return { webhooks, events };
}

describe.each(CALLS)('%s %s', (method, path, body) => {
  test.each<[string, KeyName | undefined, 'key-missing' | 'not-permitted' | 'key-expired']>([
    ['without a key', undefined, 'key-missing'],
    ['with a key that manages nothing', 'readers', 'not-permitted'],
    ['with a key that has no rights', 'powerless', 'not-permitted'],
    ['with a key that has expired', 'expired', 'key-expired'],
  ])('answers 403 %s', async (_, key, code) => {
    const options = { ...(key === undefined ? {} : { key }), ...(body === undefined ? {} : { body }) };
    expect(await api.call(method, path, options)).toBeProblem(403, code);
  });

  test('is answered to a key that manages anything', async () => {
    await startOne();
    const answer = await api.call(method, path, { key: 'news', ...(body === undefined ? {} : { body }) });
    expect([200, 202]).toContain(answer.status);
  });
});

test('GET /v1/webhooks shows each endpoint, without its secrets and its query', async () => {
  const { events } = await startOne();
  await events.ofTopic('a.b', 'topic.occupied');
  await eventually(async () => {
    const { webhooks } = expectBody(await api.call('GET', '/v1/webhooks', { key: 'all' }), 200, webhooksResponse);
    expect(webhooks).toMatchObject([
      {
        id: 'backend',
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/hook$/) as string,
        types: ['*'],
        topics: ['a.**'],
        batch: null,
        state: 'active',
        delivered: 1,
        dropped: 0,
        lagSeconds: 0,
        lastError: null,
      },
    ]);
  });
  expect((await api.call('GET', '/v1/webhooks', { key: 'all' })).text).not.toContain('secret');
});

test('POST …/test answers with what the endpoint said', async () => {
  await startOne();
  const answer = await api.call('POST', '/v1/webhooks/backend/test', { key: 'all' });
  expect(expectBody(answer, 200, webhookTestResponse)).toMatchObject({
    outcome: 'delivered',
    status: 204,
    body: '',
    message: null,
  });
});

test('a key that manages less than all sees of an endpoint neither its path nor what it answers', async () => {
  const { webhooks } = await startOne({ answering: (_, response) => void response.writeHead(500).end('stack trace') });
  const [{ url } = { url: '' }] = await webhooks.list();
  const list = expectBody(await api.call('GET', '/v1/webhooks', { key: 'news' }), 200, webhooksResponse);
  expect(list.webhooks.map((webhook) => webhook.url)).toEqual([new URL(url).origin]);
  const some = await api.call('POST', '/v1/webhooks/backend/test', { key: 'news' });
  expect(expectBody(some, 200, webhookTestResponse)).toMatchObject({ outcome: 'refused', status: 500, body: null });
  const all = await api.call('POST', '/v1/webhooks/backend/test', { key: 'all' });
  expect(expectBody(all, 200, webhookTestResponse)).toMatchObject({ status: 500, body: 'stack trace' });
});

test('a second replay within 10 s is refused, also to another key, and an unknown endpoint stays unknown', async () => {
  await startOne({ id: 'replayed' });
  const body = { since: '2026-11-28T00:00:00Z' };
  expect(await api.call('POST', '/v1/webhooks/replayed/replay', { key: 'news', body })).toMatchObject({ status: 202 });
  const second = await api.call('POST', '/v1/webhooks/replayed/replay', { key: 'all', body });
  expect(second).toBeProblem(429, 'too-many-calls');
  expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
  for (let call = 0; call < 2; call += 1)
    expect(await api.call('POST', '/v1/webhooks/nowhere/replay', { key: 'all', body })).toBeProblem(
      404,
      'webhook-not-found',
    );
});

test('POST …/replay and …/enable answer 202, and are in the audit log', async () => {
  await startOne({ id: 'audited' });
  const since = '2026-11-28T10:00:00+02:00';
  const replay = await api.call('POST', '/v1/webhooks/audited/replay', { key: 'all', body: { since } });
  expect(replay).toMatchObject({ status: 202, body: { id: 'audited', since: '2026-11-28T08:00:00.000Z' } });
  const enable = await api.call('POST', '/v1/webhooks/audited/enable', { key: 'all' });
  expect(enable).toMatchObject({ status: 202, body: { id: 'audited' } });
  const actions = api.log.linesWith('audit').map(({ action, webhook, outcome }) => ({ action, webhook, outcome }));
  expect(actions).toContainEqual({ action: 'replay-webhook', webhook: 'audited', outcome: 'done' });
  expect(actions).toContainEqual({ action: 'enable-webhook', webhook: 'audited', outcome: 'done' });
});

test.each(CALLS.slice(1))('%s %s answers 404 for an endpoint that is not in the file', async (method, path, body) => {
  await startOne();
  const elsewhere = path.replace('backend', 'nowhere');
  const options = { key: 'all' as const, ...(body === undefined ? {} : { body }) };
  expect(await api.call(method, elsewhere, options)).toBeProblem(404, 'webhook-not-found');
});

test.each([{}, { since: 'yesterday' }, { since: 7 }, { since: '2026-11-28T10:00:00Z', more: 1 }])(
  'a replay of %j is refused, and names the field',
  async (body) => {
    await startOne();
    const answer = await api.call('POST', '/v1/webhooks/backend/replay', { key: 'all', body });
    expect(answer).toBeProblem(400, 'invalid-request');
  },
);

test('without a file of webhooks there are none', async () => {
  current = NO_WEBHOOKS;
  expect(await api.call('GET', '/v1/webhooks', { key: 'all' })).toMatchObject({ status: 200, body: { webhooks: [] } });
  const answer = await api.call('POST', '/v1/webhooks/backend/test', { key: 'all' });
  expect(answer).toBeProblem(404, 'webhook-not-found');
});
