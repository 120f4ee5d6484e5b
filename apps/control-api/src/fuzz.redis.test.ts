import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { problem } from '@holdfast/protocol/problems';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from './testing/api.ts';
import { signedCall, signedUrl } from './testing/signed-calls.ts';
import type { Answer } from './testing/problem-matchers.ts';

const RUNS = { numRuns: 200 };

let api: TestApi;
let clientId: string;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a');
  clientId = await api.client({ name: 'fuzzed' });
});
afterAll(() => api.stop());

const name = fc.oneof(
  fc.constantFrom('topics', 'name', 'clientId', '__proto__', 'constructor', 'toString'),
  fc.string(),
);
const value = fc.oneof(
  fc.constantFrom('news.a', '', 'news.a,,', randomUUID(), null, [], {}),
  fc.jsonValue(),
  fc.array(fc.string({ unit: 'binary' })),
);
/** Bodies near to what is right, far from it, and not even JSON. */
const body = fc.oneof(
  fc.dictionary(name, value).map((object) => JSON.stringify(object)),
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const id = fc.oneof(fc.constant(''), fc.uuid(), fc.webSegment(), fc.string().map(encodeURIComponent));

/** Whether the call was done, or refused with a problem document. */
function isJudged({ status, body: answer }: Answer): boolean {
  return status < 400 || (status < 500 && problem.safeParse(answer).success);
}

/** The smallest thing that was sent and got no verdict; null when everything got one. */
async function unjudged<T>(sent: fc.Arbitrary<T>, send: (value: T) => Promise<Answer[]>): Promise<[T] | null> {
  const { counterexample } = await fc.check(
    fc.asyncProperty(sent, async (one) => (await send(one)).every(isJudged)),
    RUNS,
  );
  return counterexample;
}

describe('whatever is sent, no call fails: it is done, or refused with a problem document', () => {
  test('Register', async () => {
    const found = await unjudged(body, async (raw) => [await api.call('POST', '/v1/clients', { key: 'all', raw })]);
    expect(found).toBeNull();
  });

  test.each(['POST', 'DELETE'] as const)('%s /v1/clients/{clientId}/topics', async (method) => {
    const found = await unjudged(fc.tuple(fc.oneof(fc.constant(clientId), id), body), async ([client, raw]) => [
      await api.call(method, `/v1/clients/${client}/topics`, { raw }),
    ]);
    expect(found).toBeNull();
  });

  test('Unregister', async () => {
    const found = await unjudged(fc.tuple(id, body), async ([client, raw]) => [
      await api.call('DELETE', `/v1/clients/${client}`, { raw }),
    ]);
    expect(found).toBeNull();
  });

  test('queries of any kind', async () => {
    const found = await unjudged(fc.webQueryParameters(), async (query) => [
      await api.call('DELETE', `/v1/clients/${clientId}/topics?${query}`),
      await api.call('GET', `/v1/clients?${query}`, { key: 'all' }),
      await api.call('GET', `/v1/topics/news.a/messages?${query}`, { key: 'all' }),
      await api.call('GET', `${signedUrl('GET', '/apps/3/channels')}&${query}`),
      await signedCall(api, 'GET', '/apps/3/channels', { query: Object.fromEntries(new URLSearchParams(query)) }),
    ]);
    expect(found).toBeNull();
  });

  test('the calls that publish', async () => {
    const found = await unjudged(body, async (raw) => [
      await api.call('POST', '/v1/topics/news.a/messages', { key: 'all', raw }),
      await api.call('POST', '/v1/messages', { key: 'all', raw }),
    ]);
    expect(found).toBeNull();
  });

  test('the signed calls', async () => {
    const found = await unjudged(fc.tuple(body, id), async ([raw, named]) => [
      await signedCall(api, 'POST', '/apps/3/events', { raw }),
      await signedCall(api, 'POST', '/apps/3/batch_events', { raw }),
      await signedCall(api, 'POST', `/apps/3/users/${named}/terminate_connections`, { raw }),
      await signedCall(api, 'GET', `/apps/3/channels/${named}`),
      await signedCall(api, 'GET', `/apps/3/channels/${named}/users`),
    ]);
    expect(found).toBeNull();
  });
});
