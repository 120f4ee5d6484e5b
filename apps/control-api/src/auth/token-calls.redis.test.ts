import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';
import { addTokenKey, callWith, registerWith, verifications } from '../testing/token-keys.ts';
import { type TokenIssuer, rawToken } from '../testing/token-issuer.ts';

const can = {
  subscribe: ['news.*', 'user.{user}.**'],
  publish: ['typing.*', 'user.{user}.*', '@clients', '@users'],
  manage: ['**'],
};

let api: TestApi;
let issuer: TokenIssuer;
beforeAll(async () => {
  api = await startTestApi(undefined, [], [], { maxCallsPerKey: 2 });
  await api.topics('news.a', 'typing.a', 'user.ann.in', 'user.bob.in', 'other');
  issuer = await addTokenKey(api, 'web', { can });
});
afterAll(() => api.stop());

const may = { subscribe: ['**'], publish: ['**', '@clients', '@users'] };
const publish = (token: string, topic: string, headers: Record<string, string> = {}) =>
  callWith(api, token, 'POST', `/v1/topics/${topic}/messages`, { body: 1, headers });

describe('a call that only an API key can make', () => {
  test.each([
    ['GET', '/v1/topics'],
    ['PUT', '/v1/topics/news.a'],
    ['DELETE', '/v1/topics/news.a'],
    ['GET', '/v1/clients'],
    ['POST', `/v1/clients/${randomUUID()}/disconnect`],
    ['GET', '/v1/clients/0123456789abcdef'],
    ['DELETE', '/v1/clients/0123456789abcdef'],
    ['POST', '/v1/users/ann/disconnect'],
    ['POST', '/v1/users/ann/revoke'],
    ['GET', '/v1/edges'],
    ['GET', '/v1/keys'],
    ['POST', '/v1/keys'],
    ['DELETE', '/v1/keys/no-such-key'],
    ['GET', '/v1/doctor'],
    ['POST', '/v1/edges/e/drain'],
    ['POST', '/v1/edges/e/undrain'],
    ['GET', '/v1/capacity'],
  ] as const)('%s %s refuses a token, whatever its API key may', async (method, path) => {
    const before = await verifications(api);
    const token = await issuer.sign({ hf: { may } });
    expect(await callWith(api, token, method, path)).toBeProblem(403, 'not-permitted', {
      detail: 'This call takes an API key, and no token',
    });
    expect(await verifications(api)).toEqual(before);
  });
});

describe('publishing with a token', () => {
  test('needs may.publish: without it, it may nothing', async () => {
    for (const hf of [{}, { may: {} }, { may: { subscribe: ['**'] } }, { may: { publish: [] } }]) {
      const token = await issuer.sign({ hf });
      expect(await publish(token, 'typing.a')).toBeProblem(403, 'not-permitted', { topics: ['typing.a'] });
      const batch = { messages: [{ topics: ['typing.a'], data: 1 }] };
      expect(await callWith(api, token, 'POST', '/v1/messages', { body: batch })).toBeProblem(403, 'not-permitted');
    }
  });

  test('is never more than its API key may, with its own name for {user}', async () => {
    const token = await issuer.sign({ hf: { may } });
    const statuses = new Map<string, number>();
    for (const topic of ['typing.a', 'user.ann.in', 'user.bob.in', 'news.a', 'other']) {
      statuses.set(topic, (await publish(token, topic)).status);
    }
    expect(Object.fromEntries(statuses)).toEqual({
      'typing.a': 202,
      'user.ann.in': 202,
      'user.bob.in': 403,
      'news.a': 403,
      other: 403,
    });
    const messages = ['user.ann.in', 'user.bob.in'].map((topic) => ({ topics: [topic], data: 1 }));
    const { body } = await callWith(api, token, 'POST', '/v1/messages', { body: { messages } });
    expect(body['results']).toMatchObject([{ ok: true }, { ok: false, code: 'not-permitted' }]);
  });

  test('to a client or a user needs it in may.publish and in the API key', async () => {
    const clientId = await registerWith(api, await issuer.sign({ sub: 'bob' }));
    const all = await issuer.sign({ hf: { may } });
    const topicsOnly = await issuer.sign({ hf: { may: { publish: ['typing.*'] } } });
    const narrow = await addTokenKey(api, 'narrow', { can: { publish: ['typing.*'] } });
    const cut = await narrow.sign({ hf: { may } });
    for (const path of [`/v1/clients/${clientId}/messages`, '/v1/users/bob/messages']) {
      expect((await callWith(api, all, 'POST', path, { body: 1 })).status).toBe(202);
      expect(await callWith(api, topicsOnly, 'POST', path, { body: 1 })).toBeProblem(403, 'not-permitted');
      expect(await callWith(api, cut, 'POST', path, { body: 1 })).toBeProblem(403, 'not-permitted');
    }
  });

  test('keeps the idempotency keys of users apart, and from those of the API key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const ann = await issuer.sign({ hf: { may } });
    const first = await publish(ann, 'typing.a', headers);
    expect((await publish(await issuer.sign({ hf: { may }, jti: 'x' }), 'typing.a', headers)).body).toEqual(first.body);
    const bob = await issuer.sign({ sub: 'bob', hf: { may } });
    expect(await publish(bob, 'typing.a', headers)).toBeProblem(409, 'idempotency-conflict');
  });
});

describe('reading with a token', () => {
  test.each(['/v1/topics/:topic', '/v1/topics/:topic/messages'])(
    '%s is for what it may subscribe or publish to',
    async (path) => {
      const reader = await issuer.sign({ hf: { may: { subscribe: ['news.*'] } } });
      const plain = await issuer.sign();
      const writer = await issuer.sign({ hf: { may: { subscribe: [], publish: ['typing.*'] } } });
      const statusOf = async (token: string, topic: string) =>
        (await callWith(api, token, 'GET', path.replace(':topic', topic))).status;
      for (const [token, permitted] of [
        [reader, ['news.a']],
        [plain, ['news.a', 'user.ann.in']],
        [writer, ['typing.a']],
      ] as const) {
        for (const topic of ['news.a', 'typing.a', 'user.ann.in', 'user.bob.in', 'other']) {
          const expected = permitted.some((known) => known === topic) ? 200 : 403;
          expect([topic, await statusOf(token, topic)]).toEqual([topic, expected]);
        }
      }
    },
  );
});

describe('what a call is made with', () => {
  test('is a token only if it begins with a header of one: secrets of API keys may have dots', async () => {
    for (const bearer of ['web.a.b', 'e30.e30.e30', `${Buffer.from('"alg"').toString('base64url')}.a.b`]) {
      const answer = await callWith(api, bearer, 'GET', '/v1/topics/news.a');
      expect(answer).toBeProblem(403, 'key-unknown');
    }
    expect(await callWith(api, rawToken({ alg: 'none' }, {}), 'GET', '/v1/topics/news.a')).toBeProblem(
      403,
      'token-invalid',
    );
  });

  test('is the API key where both are there', async () => {
    const token = await issuer.sign({ aud: 'wrong' });
    expect((await callWith(api, token, 'GET', '/v1/topics', { key: 'all' })).status).toBe(200);
    const answer = await callWith(api, token, 'GET', '/v1/topics/news.a', { headers: { 'x-api-key': token } });
    expect(answer).toBeProblem(403, 'key-unknown');
  });

  test('is looked at before the body is read', async () => {
    const answer = await callWith(api, await issuer.sign({ aud: 'x' }), 'POST', '/v1/topics/typing.a/messages', {
      raw: '{',
    });
    expect(answer).toBeProblem(403, 'token-invalid');
  });
});

test('calls with tokens count for each user, and not for the API key', async () => {
  const tokens = await Promise.all(Array.from({ length: 8 }, (_, index) => issuer.sign({ sub: `u${index}` })));
  const calls = tokens.flatMap((token) =>
    Array.from({ length: 4 }, () => callWith(api, token, 'GET', '/v1/topics/news.a')),
  );
  // The API key itself may have two at a time.
  expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]));
});

test('no token is in any log line, however a call with it ends', async () => {
  const good = await issuer.sign({ sub: 'logged', hf: { may } });
  const clientId = await registerWith(api, good);
  await publish(good, 'typing.a');
  await publish(good, 'other');
  await callWith(api, good, 'GET', `/v1/clients/${clientId}`);
  const bad = rawToken({ alg: 'ES256', kid: 'web' }, { sub: 'logged' });
  await callWith(api, bad, 'GET', '/v1/topics/news.a');
  await callWith(api, good, 'GET', `/v1/topics/${good}`);
  await callWith(api, good, 'GET', `/v1/edges?token=${good}`);
  expect(api.log.lines.length).toBeGreaterThan(0);
  for (const part of [good, bad].flatMap((token) => token.split('.').slice(1))) {
    expect(JSON.stringify(api.log.lines)).not.toContain(part);
  }
});
