import { randomUUID } from 'node:crypto';
import { closedRanges } from '@holdfast/broker/client-state';
import { redisKeys } from '@holdfast/broker/keys';
import { clientResponse, registerResponse } from '@holdfast/protocol/rest/clients';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { addTokenKey, callWith, registerWith, verifications } from '../testing/token-keys.ts';
import type { TokenIssuer } from '../testing/token-issuer.ts';

const can = { subscribe: ['news.*', 'user.{user}.**'], publish: ['typing.*'], presence: ['news.*'] };
const seconds = () => Math.floor(Date.now() / 1000);

let api: TestApi;
let issuer: TokenIssuer;
let people = 0;
/** A user of this test alone. */
let sub: string;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('news.a', 'news.b', 'news.c', 'other');
  issuer = await addTokenKey(api, 'web', { can });
});
afterAll(() => api.stop());
beforeEach(() => (sub = `ann${(people += 1)}`));

const register = (token: string, body?: unknown) =>
  callWith(api, token, 'POST', '/v1/clients', body === undefined ? {} : { body });
const read = async (token: string, clientId: string) =>
  expectBody(await callWith(api, token, 'GET', `/v1/clients/${clientId}`), 200, clientResponse);
const isRegistered = async (name: string) => (await api.broker.findByName('web', name)) !== null;

describe('a token', () => {
  test('registers the client of its user, with topics, rights, info and an end', async () => {
    const exp = seconds() + 600;
    await api.topics(`user.${sub}.inbox`);
    const may = { subscribe: ['news.*'], publish: ['typing.*'] };
    const topics = ['news.b', `user.${sub}.inbox`, 'news.a', 'news.a'];
    const token = await issuer.sign({ sub, exp, hf: { topics, may, info: { name: 'Ann' } } });
    const registered = expectBody(await register(token), 201, registerResponse);
    expect(registered).toMatchObject({
      name: sub,
      topics: ['news.a', 'news.b', `user.${sub}.inbox`],
      expiresAt: new Date(exp * 1000).toISOString(),
    });
    expect(await read(token, registered.clientId)).toMatchObject({
      clientId: registered.clientId,
      key: 'web',
      user: sub,
      info: { name: 'Ann' },
      may,
      expiresAt: registered.expiresAt,
      topics: registered.topics,
    });
    const client = await api.broker.readClient(registered.clientId);
    expect(client?.identity.seesPresence).toEqual([['news.*']]);
  });

  test('that comes again gives the same client, and is not verified again', async () => {
    const token = await issuer.sign({ sub, hf: { topics: ['news.a'] } });
    const first = expectBody(await register(token), 201, registerResponse);
    const before = await verifications(api);
    for (let call = 0; call < 3; call += 1) {
      expect(expectBody(await register(token), 200, registerResponse)).toEqual(first);
    }
    expect(await verifications(api)).toEqual(before);
  });

  test('that is newer gives its rights and its end; topics of the one before are left, others are kept', async () => {
    const clientId = await registerWith(api, await issuer.sign({ sub, hf: { topics: ['news.a', 'news.b'], info: 1 } }));
    await api.call('POST', `/v1/clients/${clientId}/topics`, { body: { topics: 'news.c' } });
    const exp = seconds() + 900;
    const hf = { topics: ['news.b'], may: { subscribe: [] } };
    const token = await issuer.sign({ sub, exp, hf });
    const renewed = expectBody(await register(token), 200, registerResponse);
    const expiresAt = new Date(exp * 1000).toISOString();
    expect(renewed).toMatchObject({ clientId, topics: ['news.b', 'news.c'], expiresAt });
    expect(await read(token, clientId)).toMatchObject({ info: null, may: { subscribe: [] }, expiresAt });
  });

  test('that leaves a topic ends the subscription behind what was published to it so far', async () => {
    const clientId = await registerWith(api, await issuer.sign({ sub, hf: { topics: ['news.a'] } }));
    const { body } = await api.call('POST', '/v1/topics/news.a/messages', { key: 'all', body: 1 });
    await registerWith(api, await issuer.sign({ sub }));
    const client = await api.broker.readClient(clientId);
    expect(closedRanges(client?.closed.get('news.a') ?? '')).toMatchObject([{ end: body['id'] }]);
  });

  test('is not refused for a topic of the one before that has expired: the subscription holds', async () => {
    const topic = `news.${sub}`;
    await api.broker.putTopic(topic, { expireSeconds: 1 });
    const clientId = await registerWith(api, await issuer.sign({ sub, hf: { topics: [topic] } }));
    const start = (await api.broker.readClient(clientId))?.topics.get(topic);
    await eventually(async () => {
      await api.broker.expireTopics(1000);
      expect(await api.broker.readTopics([topic])).toEqual([null]);
    });
    const token = await issuer.sign({ sub, hf: { topics: [topic, 'news.a'] } });
    const renewed = expectBody(await register(token), 200, registerResponse);
    expect(renewed).toMatchObject({ clientId, topics: ['news.a', topic] });
    expect((await api.broker.readClient(clientId))?.topics.get(topic)).toBe(start);
    expect(await api.broker.readTopics([topic])).toEqual([null]);
  });

  test('is not refused, however often, for a topic of the one before that was deleted; one that it adds must be there', async () => {
    const topic = `news.${sub}`;
    await api.topics(topic);
    const token = await issuer.sign({ sub, hf: { topics: [topic] } });
    const clientId = await registerWith(api, token);
    await api.call('DELETE', `/v1/topics/${topic}`, { key: 'all' });
    for (let call = 0; call < 2; call += 1) {
      expect(expectBody(await register(token), 200, registerResponse)).toMatchObject({ clientId, topics: [] });
    }
    const adding = await issuer.sign({ sub, hf: { topics: [topic, 'news.none'] } });
    expect(await register(adding)).toBeProblem(404, 'topic-not-found', { topics: ['news.none'] });
    await api.topics(topic);
    expect(expectBody(await register(token), 200, registerResponse).topics).toEqual([topic]);
  });

  test('of a user whose name is longer than that of a client is found by it', async () => {
    const long = 'a'.repeat(128);
    const key = await addTokenKey(api, 'managing', { can: { manage: ['news.*'] } });
    const clientId = await registerWith(api, await key.sign({ sub: long }));
    const named = (name: string) => api.call('GET', `/v1/clients?name=${name}`, { headers: key.asKey });
    expect((await named(long)).body['clients']).toMatchObject([{ clientId, name: long }]);
    expect(await named(`${long}a`)).toBeProblem(400, 'invalid-request', {
      errors: [{ field: 'query.name', rule: 'must be a name of a client, or of a user' }],
    });
  });

  test('with hf.client has a client for each device', async () => {
    const phone = await registerWith(api, await issuer.sign({ sub, hf: { client: `${sub}-phone` } }));
    const laptop = await registerWith(api, await issuer.sign({ sub, hf: { client: `${sub}-laptop` } }));
    expect(laptop).not.toBe(phone);
    expect(await api.broker.countClientsOf([sub])).toEqual([2]);
  });

  test('of several tabs at once makes one client', async () => {
    const token = await issuer.sign({ sub, hf: { topics: ['news.a'] } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => register(token)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(new Set(answers.map(({ body }) => body['clientId'])).size).toBe(1);
    expect(await api.broker.countClientsOf([sub])).toEqual([1]);
  });

  test('needs no right to register, and counts among the clients that its API key may have', async () => {
    const narrow = await addTokenKey(api, 'narrow', { can: { subscribe: [] }, maxClients: 1 });
    const token = await narrow.sign({ sub });
    await registerWith(api, token);
    expect(await register(await narrow.sign({ sub: `${sub}-2` }))).toBeProblem(409, 'quota-reached');
    expect((await register(token)).status).toBe(200);
  });
});

describe('nothing is registered', () => {
  test('with topics that do not exist: 404, naming them', async () => {
    const token = await issuer.sign({ sub, hf: { topics: ['news.a', 'news.none', 'news.nil'] } });
    expect(await register(token)).toBeProblem(404, 'topic-not-found', { topics: ['news.none', 'news.nil'] });
    expect(await isRegistered(sub)).toBe(false);
  });

  test('with topics that the API key may not subscribe its user to: 403, naming them', async () => {
    await api.topics('user.bob.inbox');
    const may = { subscribe: ['**'] };
    const token = await issuer.sign({ sub, hf: { topics: ['other', 'news.a', 'user.bob.inbox'], may } });
    expect(await register(token)).toBeProblem(403, 'not-permitted', { topics: ['other', 'user.bob.inbox'] });
    expect(await isRegistered(sub)).toBe(false);
  });

  test('with a body: the claims say what the client is', async () => {
    const body = { name: 'x', topics: ['news.a'] };
    expect(await register(await issuer.sign({ sub }), body)).toBeProblem(400, 'invalid-request', {
      errors: ['body.name', 'body.topics'].map((field) => ({
        field,
        rule: expect.stringContaining('token') as string,
      })),
    });
    expect(await isRegistered(sub)).toBe(false);
    expect((await register(await issuer.sign({ sub }), {})).status).toBe(201);
  });

  test('with a token that is none of the API key: 403', async () => {
    expect(await register(await issuer.sign({ sub, aud: 'x' }))).toBeProblem(403, 'token-invalid', {
      detail: 'claim "aud": must be, or hold, "holdfast"',
    });
    expect(await register(await issuer.sign({ sub, iat: seconds() - 100, exp: seconds() - 40 }))).toBeProblem(
      403,
      'token-expired',
    );
    expect(await register(await issuer.sign({ sub, filler: 'x'.repeat(20_000) }))).toBeProblem(403, 'token-invalid');
    expect(await isRegistered(sub)).toBe(false);
  });
});

describe('a name', () => {
  test('of a client that an API key registered is no way to it', async () => {
    const client = { clientId: randomUUID(), key: 'web', name: sub, registeredAt: Date.now(), topics: new Map() };
    await api.broker.register(client, null);
    expect(await register(await issuer.sign({ sub }))).toBeProblem(409, 'name-taken', {
      detail: `The client "${sub}" of the API key "web" was registered with the API key itself`,
    });
  });

  test('of the client of another user is no way to it, and changes nothing about it', async () => {
    const owner = await issuer.sign({ sub, hf: { client: sub, topics: ['news.a'] } });
    const clientId = await registerWith(api, owner);
    const before = await api.broker.readClient(clientId);
    expect(await register(await issuer.sign({ sub: 'mallory', hf: { client: sub } }))).toBeProblem(409, 'name-taken', {
      detail: `The client "${sub}" of the API key "web" belongs to another user`,
    });
    expect(await api.broker.readClient(clientId)).toEqual(before);
  });

  test('that is reserved while its client is not there is waited for, and then refused with 503', async () => {
    const [redis] = api.redis.servers();
    const keys = redisKeys(api.prefix);
    const names = keys.keyNames('web');
    const clientId = randomUUID();
    await redis?.hset(names, sub, clientId);
    await redis?.zadd(keys.keyPending('web'), Date.now(), JSON.stringify(['register', clientId, sub, '1']));
    const token = await issuer.sign({ sub });
    expect(await register(token)).toBeProblem(503, 'api-busy');
    const waiting = register(token);
    await redis?.hdel(names, sub);
    expect((await waiting).status).toBe(201);
  });

  test('of a client that a fail-over has lost is freed: its tokens register it anew, once', async () => {
    const [redis] = api.redis.servers();
    const keys = redisKeys(api.prefix);
    const token = await issuer.sign({ sub, hf: { topics: ['news.a'] } });
    const lost = await registerWith(api, token);
    const before = await redis?.hget(keys.key('web'), 'clients');
    await redis?.del(keys.client(lost));
    const answers = await Promise.all(Array.from({ length: 5 }, () => register(token)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    const found = new Set(answers.map(({ body }) => body['clientId']));
    expect(found.size).toBe(1);
    expect(found.has(lost)).toBe(false);
    expect(await redis?.hget(keys.key('web'), 'clients')).toBe(before);
    expect((await read(token, [...found].map(String).join())).topics).toEqual(['news.a']);
  });
});

describe('a revocation', () => {
  test('refuses tokens from before for every call, and none from after', async () => {
    const issuedBefore = seconds();
    const old = await issuer.sign({ sub, iat: issuedBefore - 10, hf: { topics: ['news.a'] } });
    const clientId = await registerWith(api, old);
    await api.broker.revokeTokens(sub, ['web'], issuedBefore * 1000, 600);
    expect(await register(old)).toBeProblem(403, 'token-revoked');
    expect(await callWith(api, old, 'GET', `/v1/clients/${clientId}`)).toBeProblem(403, 'token-revoked');
    expect(await callWith(api, old, 'GET', '/v1/topics/news.a')).toBeProblem(403, 'token-revoked');
    const fresh = await issuer.sign({ sub, iat: issuedBefore });
    expect(await registerWith(api, fresh)).toBe(clientId);
  });

  test('that comes while a token registers refuses it, and ends the authorization of what it registered', async () => {
    const { broker } = api;
    const plain = broker.register.bind(broker);
    const token = await issuer.sign({ sub, iat: seconds() - 10 });
    broker.register = async (...args) => {
      // After the token was looked at, and before its client is there to be found.
      await broker.revokeTokens(sub, null, Date.now(), 600);
      return plain(...args);
    };
    try {
      expect(await register(token)).toBeProblem(403, 'token-revoked');
    } finally {
      broker.register = plain;
    }
    const clientId = await broker.findByName('web', sub);
    const answer = await api.call('GET', `/v1/clients/${clientId}`);
    expect(answer).toBeProblem(403, 'token-revoked');
  });
});

describe('the UUID of a client of tokens', () => {
  test('opens nothing any more from 30 s after its end, until it is registered again', async () => {
    const exp = seconds() + 600;
    const ending = await issuer.sign({ sub, exp, hf: { topics: ['news.a'] } });
    const clientId = await registerWith(api, ending);
    const calls = [
      ['GET', ''],
      ['POST', '/topics', { topics: 'news.b' }],
      ['DELETE', '/topics', { topics: 'news.a' }],
      ['DELETE', ''],
    ] as const;
    vi.useFakeTimers({ now: exp * 1000, toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect((await api.call('GET', `/v1/clients/${clientId}`)).status).toBe(200);
    vi.setSystemTime(exp * 1000 + 30_000);
    for (const [method, path, body] of calls) {
      const answer = await api.call(method, `/v1/clients/${clientId}${path}`, body === undefined ? {} : { body });
      expect(answer).toBeProblem(403, 'token-expired');
    }
    vi.useRealTimers();
    const ended = await issuer.sign({ sub, iat: seconds() - 100, exp: seconds() - 31 });
    expect(await register(ended)).toBeProblem(403, 'token-expired');
    expect(await registerWith(api, await issuer.sign({ sub }))).toBe(clientId);
    expect((await api.call('GET', `/v1/clients/${clientId}`)).status).toBe(200);
  });

  test('takes its own token and no other: not of another device, user or API key', async () => {
    const other = await addTokenKey(api, 'web2', { can });
    const own = await issuer.sign({ sub, hf: { topics: ['news.a'] } });
    const clientId = await registerWith(api, own);
    const strangers = await Promise.all([
      issuer.sign({ sub, hf: { client: 'another' } }),
      issuer.sign({ sub: 'mallory', hf: { client: sub } }),
      other.sign({ sub }),
    ]);
    for (const token of strangers) {
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/topics'],
        ['DELETE', '/topics'],
        ['DELETE', ''],
      ] as const) {
        const options = path === '' ? {} : { body: { topics: 'news.b' } };
        const answer = await callWith(api, token, method, `/v1/clients/${clientId}${path}`, options);
        expect(answer).toBeProblem(403, 'not-permitted');
      }
    }
    const subscribed = await callWith(api, own, 'POST', `/v1/clients/${clientId}/topics`, {
      body: { topics: 'news.b' },
    });
    expect(subscribed.body['topics']).toEqual(['news.a', 'news.b']);
    expect((await callWith(api, own, 'DELETE', `/v1/clients/${clientId}`)).status).toBe(200);
    expect(await isRegistered(sub)).toBe(false);
  });

  test('subscribes by the rights of the token that comes with the call', async () => {
    const clientId = await registerWith(api, await issuer.sign({ sub }));
    const narrow = await issuer.sign({ sub, hf: { may: { subscribe: ['news.a'] } } });
    const path = `/v1/clients/${clientId}/topics`;
    expect(await callWith(api, narrow, 'POST', path, { body: { topics: 'news.b' } })).toBeProblem(403, 'not-permitted');
    expect((await callWith(api, narrow, 'POST', path, { body: { topics: 'news.a' } })).status).toBe(202);
  });
});
