import { randomUUID } from 'node:crypto';
import { redisKeys } from '@holdfast/broker/keys';
import { connectionName, parseStart } from '@holdfast/broker/client-state';
import {
  clientResponse,
  clientsResponse,
  disconnectResponse,
  registerResponse,
  unregisterResponse,
} from '@holdfast/protocol/rest/clients';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, keyNamed, startTestApi } from '../testing/api.ts';
import { type TestEdge, type TestEdgeOptions, claimFor, startTestEdge } from '../testing/edge.ts';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PATH = '/v1/clients';

let api: TestApi;
const edges: TestEdge[] = [];
beforeAll(async () => {
  api = await startTestApi();
});
afterEach(async () => {
  for (const one of edges.splice(0)) {
    await one.die();
    one.stop();
  }
});
afterAll(() => api.stop());

async function edge(options?: TestEdgeOptions): Promise<TestEdge> {
  const started = await startTestEdge(api, options);
  edges.push(started);
  return started;
}

describe('Register', () => {
  test('answers 201 with a version 4 UUID, also to no body at all, a null and an empty object', async () => {
    for (const options of [{}, { raw: 'null' }, { body: {} }, { headers: { 'content-type': 'application/json' } }]) {
      const answer = await api.call('POST', PATH, { key: 'all', ...options });
      const client = expectBody(answer, 201, registerResponse);
      expect(client.clientId).toMatch(UUID_V4);
      expect(client).toMatchObject({ name: null, topics: [] });
    }
  });

  test('answers 201 with the name, the clientId in lower case and the topics by name, and the client has them', async () => {
    await api.topics('news.register', 'news.also');
    const clientId = randomUUID();
    const answer = await api.call('POST', PATH, {
      key: 'all',
      body: { name: 'Käthe 1', clientId: clientId.toUpperCase(), topics: 'news.register, news.also,news.also' },
    });
    const client = expectBody(answer, 201, registerResponse);
    expect(client).toMatchObject({ clientId, name: 'Käthe 1', topics: ['news.also', 'news.register'] });
    const state = await api.broker.readClient(clientId);
    expect([...(state?.topics.keys() ?? [])].toSorted()).toEqual(['news.also', 'news.register']);
  });

  test('takes the key as Authorization: Bearer, too', async () => {
    const answer = await api.call('POST', PATH, { headers: { authorization: `Bearer ${keyNamed('all')}` } });
    expect(expectBody(answer, 201, registerResponse).clientId).toMatch(UUID_V4);
  });

  test('begins a subscription behind the last message that was there', async () => {
    await api.topics('news.begin');
    const before = await api.broker.publish('news.begin', Buffer.from('1'));
    const clientId = await api.client({ topics: ['news.begin'] });
    const state = await api.broker.readClient(clientId);
    const { position } = parseStart(state?.topics.get('news.begin') ?? '');
    expect(before).toMatchObject({ kind: 'published', id: position });
  });

  test('names no edge while none lives', async () => {
    const answer = await api.call('POST', PATH, { key: 'all' });
    expect(expectBody(answer, 201, registerResponse).connect).toEqual({ url: null, urls: [] });
  });

  test('names the edge with the most room of two, and every other that takes connections, none twice', async () => {
    const busy = await edge({ connections: 50, maxConnections: 100 });
    const roomy = await edge({ connections: 60, maxConnections: 1000 });
    await edge({ connections: 90, maxConnections: 100, url: busy.url });
    await edge({ connections: 0, draining: true });
    await edge({ connections: 7, maxConnections: 7 });
    const dead = await edge({ connections: 0 });
    await dead.die();
    // The list is remembered for half a second.
    const { connect } = await eventually(async () => {
      const client = expectBody(await api.call('POST', PATH, { key: 'all' }), 201, registerResponse);
      expect(client.connect.urls).toHaveLength(2);
      return client;
    });
    expect(connect.url).toBe(roomy.url);
    expect(connect.urls.toSorted()).toEqual([busy.url, roomy.url].toSorted());
  });

  test('names full edges only while no other takes connections', async () => {
    const alone = await startTestApi();
    const full = await startTestEdge(alone, { connections: 7, maxConnections: 7 });
    const draining = await startTestEdge(alone, { draining: true });
    const register = async () =>
      expectBody(await alone.call('POST', PATH, { key: 'all' }), 201, registerResponse).connect;
    expect(await register()).toEqual({ url: full.url, urls: [full.url] });
    const open = await startTestEdge(alone);
    // The list is remembered for half a second.
    await eventually(async () => expect(await register()).toEqual({ url: open.url, urls: [open.url] }));
    for (const one of [full, draining, open]) one.stop();
    await alone.stop();
  });

  test('answers 400 invalid-request naming every wrong field and its rule', async () => {
    const body = { name: '', clientId: '123', topics: ['fine', 'not fine', 7], extra: 1 };
    const answer = await api.call('POST', PATH, { key: 'all', body });
    expect(answer).toBeProblem(400, 'invalid-request');
    const fields = (answer.body['errors'] as { field: string }[]).map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(['body.name', 'body.clientId', 'body.topics[2]', 'body.extra']));

    const second = await api.call('POST', PATH, { key: 'all', body: { topics: 'a,b b' } });
    expect(second).toBeProblem(400, 'invalid-request', {
      errors: [{ field: 'body.topics[1]', rule: 'must be segments of A-Z a-z 0-9 _ - joined by "."' }],
    });
  });

  test('answers 400 to a clientId that is not of version 4, as it may lack the randomness of a credential', async () => {
    const body = { clientId: '6ba7b810-9dad-11d1-80b4-00c04fd430c8' };
    const answer = await api.call('POST', PATH, { key: 'all', body });
    expect(answer).toBeProblem(400, 'invalid-request', {
      errors: [{ field: 'body.clientId', rule: 'must be a version 4 UUID' }],
    });
  });

  test('answers 400 too-many-topics to more than 1,000', async () => {
    const topics = Array.from({ length: 1001 }, (_, index) => `t${index}`);
    expect(await api.call('POST', PATH, { key: 'all', body: { topics } })).toBeProblem(400, 'too-many-topics');
  });

  test('takes an expiry of the client, which its view shows', async () => {
    const clientId = await api.client({ key: 'people', clientExpirySeconds: 300 });
    const view = await api.call('GET', `/v1/clients/${clientId}`);
    expect(expectBody(view, 200, clientResponse).clientExpirySeconds).toBe(300);
    const other = await api.call('GET', `/v1/clients/${await api.client({ key: 'people' })}`);
    expect(expectBody(other, 200, clientResponse).clientExpirySeconds).toBe(3600);
  });

  test.each([59, 315_360_001, 1.5, '300', null])('answers 400 to an expiry of %j', async (clientExpirySeconds) => {
    const answer = await api.call('POST', PATH, { key: 'all', body: { clientExpirySeconds } });
    expect(answer).toBeProblem(400, 'invalid-request');
    expect(answer.body['errors']).toMatchObject([{ field: 'body.clientExpirySeconds' }]);
  });

  test('answers 400 malformed-json', async () => {
    expect(await api.call('POST', PATH, { key: 'all', raw: '{"name":' })).toBeProblem(400, 'malformed-json');
  });

  test.each([
    ['key-missing', {}],
    ['key-missing', { headers: { authorization: 'Basic YWxsOmEtc2VjcmV0' } }],
    ['key-unknown', { headers: { 'x-api-key': 'missing.a-secret' } }],
    ['key-unknown', { headers: { 'x-api-key': 'all.not-the-secret' } }],
    ['key-unknown', { headers: { 'x-api-key': 'all' } }],
    ['key-expired', { key: 'expired' }],
    ['not-permitted', { key: 'readers' }],
  ] as const)('answers 403 %s to %j, before it looks at the body', async (code, options) => {
    expect(await api.call('POST', PATH, { ...options, raw: '{"name":' })).toBeProblem(403, code);
  });

  test('answers 403 not-permitted naming the topics that the key may not subscribe to, and registers no client', async () => {
    await api.topics('news.may', 'other.may-not');
    const clientId = randomUUID();
    const body = { clientId, topics: ['news.may', 'other.may-not', 'news.a.b'] };
    const answer = await api.call('POST', PATH, { key: 'news', body });
    expect(answer).toBeProblem(403, 'not-permitted', { topics: ['other.may-not', 'news.a.b'] });
    expect(await api.broker.readClient(clientId)).toBeNull();
  });

  test('answers 404 topic-not-found naming all that do not exist, and registers no client', async () => {
    await api.topics('news.exists');
    const clientId = randomUUID();
    const body = { clientId, topics: ['news.exists', 'news.missing', 'news.also-missing'] };
    const answer = await api.call('POST', PATH, { key: 'all', body });
    expect(answer).toBeProblem(404, 'topic-not-found', { topics: ['news.missing', 'news.also-missing'] });
    expect(await api.broker.readClient(clientId)).toBeNull();
  });

  test('answers 409 client-exists when the clientId is registered already', async () => {
    const clientId = await api.client();
    expect(await api.call('POST', PATH, { key: 'all', body: { clientId } })).toBeProblem(409, 'client-exists');
  });

  test('answers 409 name-taken when the name is registered with this key, and 201 with another key', async () => {
    await api.client({ name: 'the-name' });
    expect(await api.call('POST', PATH, { key: 'all', body: { name: 'the-name' } })).toBeProblem(409, 'name-taken');
    expectBody(await api.call('POST', PATH, { key: 'news', body: { name: 'the-name' } }), 201, registerResponse);
  });

  test('answers 201 for the name of a client that a fail-over has lost, once', async () => {
    const lost = await api.client({ name: 'lost' });
    await api.redis.commands.del(redisKeys(api.prefix).client(lost));
    const calls = Array.from({ length: 5 }, () => api.call('POST', PATH, { key: 'all', body: { name: 'lost' } }));
    const answers = await Promise.all(calls);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409]);
  });

  test('answers 409 quota-reached when the key has maxClients, and 201 once one is gone', async () => {
    const clientId = await api.client({ key: 'one' });
    expect(await api.call('POST', PATH, { key: 'one' })).toBeProblem(409, 'quota-reached');
    await api.call('DELETE', `${PATH}/${clientId}`);
    expectBody(await api.call('POST', PATH, { key: 'one' }), 201, registerResponse);
  });

  test('answers 413 payload-too-large', async () => {
    const answer = await api.call('POST', PATH, { key: 'all', body: { name: 'x'.repeat(300_000) } });
    expect(answer).toBeProblem(413, 'payload-too-large');
  });

  test('answers 415 unsupported-media-type to a body that is not sent as JSON', async () => {
    for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }]) {
      expect(await api.call('POST', PATH, { key: 'all', raw: '{}', headers })).toBeProblem(
        415,
        'unsupported-media-type',
      );
    }
  });
});

describe('Unregister', () => {
  test('answers 200 with the clientId, and the client and its subscriptions are gone', async () => {
    await api.topics('news.gone');
    const clientId = await api.client({ topics: ['news.gone'] });
    const answer = await api.call('DELETE', `${PATH}/${clientId}`);
    expect(expectBody(answer, 200, unregisterResponse)).toEqual({ clientId });
    expect(await api.broker.readClient(clientId)).toBeNull();
  });

  test('takes the UUID in any case, an empty body of any type, and ignores an API key', async () => {
    const clientId = await api.client();
    const headers = { 'content-type': 'application/json', 'x-api-key': 'missing.nothing' };
    const answer = await api.call('DELETE', `${PATH}/${clientId.toUpperCase()}`, { headers });
    expect(expectBody(answer, 200, unregisterResponse)).toEqual({ clientId });
  });

  test('notifies the edge that holds the client', async () => {
    const holder = await edge();
    const clientId = await api.client();
    await holder.hold(clientId);
    await api.call('DELETE', `${PATH}/${clientId}`);
    expect(await holder.broker.readPending(holder.id, 10)).toContain(clientId);
  });

  test('answers 409 user-not-found to a client that was never registered, and to one the second time', async () => {
    expect(await api.call('DELETE', `${PATH}/${randomUUID()}`)).toBeProblem(409, 'user-not-found');
    const clientId = await api.client();
    await api.call('DELETE', `${PATH}/${clientId}`);
    expect(await api.call('DELETE', `${PATH}/${clientId}`)).toBeProblem(409, 'user-not-found');
  });

  test('answers 400 invalid-request to what is not a UUID', async () => {
    for (const id of ['123', 'null', `${randomUUID()}0`, '%00', '__proto__']) {
      const answer = await api.call('DELETE', `${PATH}/${id}`);
      expect(answer).toBeProblem(400, 'invalid-request', {
        errors: [{ field: 'path.clientId', rule: 'must be a UUID, or a ref of 16 hexadecimal digits' }],
      });
    }
  });
});

describe('GET /v1/clients/{clientId}', () => {
  test('answers 200 with what the client wants, without any key', async () => {
    await api.topics('news.wanted');
    const clientId = await api.client({ key: 'news', name: 'wanting', topics: ['news.wanted'] });
    const client = expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse);
    expect(client).toMatchObject({ clientId, name: 'wanting', key: 'news', topics: ['news.wanted'] });
    expect(client).toMatchObject({ connected: false, edge: null, connection: null, served: null });
    expect(Math.abs(Date.parse(client.registeredAt) - Date.now())).toBeLessThan(60_000);
  });

  test('tells what its edge really serves, with the position of each topic', async () => {
    const holder = await edge();
    const clientId = await api.client();
    const generation = await holder.hold(clientId, { 'news.served': '5-1', '@me': '7-0' });
    const client = expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse);
    // As the welcome names it.
    expect(client).toMatchObject({
      connected: true,
      edge: holder.id,
      connection: `${holder.id}-${connectionName(generation)}`,
    });
    expect(client.served).toEqual({ 'news.served': { position: '5-1' }, '@me': { position: '7-0' } });
    expect(client.since).not.toBeNull();
  });

  test('does not call a client connected whose edge is dead, holds it no more, or holds another connection', async () => {
    const holder = await edge();
    const other = await edge();
    const lost = await api.client();
    await holder.hold(lost);
    holder.lose(lost);
    const moved = await api.client();
    await other.hold(moved);
    await holder.hold(moved);
    await claimFor(other.broker, moved, holder.id);
    for (const clientId of [lost, moved]) {
      const client = expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse);
      expect(client).toMatchObject({ connected: false, edge: null, connection: null, since: null, served: null });
    }
    const orphan = await api.client();
    await holder.hold(orphan);
    await holder.die();
    const client = expectBody(await api.call('GET', `${PATH}/${orphan}`), 200, clientResponse);
    expect(client).toMatchObject({ connected: false, edge: null, connection: null, since: null, served: null });
  });

  test('calls a client connected whose edge lives and does not say what it serves', async () => {
    const holder = await edge();
    const clientId = await api.client();
    await holder.hold(clientId);
    holder.fallSilent();
    const client = expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse);
    expect(client).toMatchObject({ connected: true, edge: holder.id, served: null });
  });

  test('does not list a topic that was deleted, nor one of the same name created later', async () => {
    await api.topics('news.kept', 'news.deleted', 'news.again');
    const clientId = await api.client({ topics: ['news.kept', 'news.deleted', 'news.again'] });
    await api.broker.deleteTopic('news.deleted');
    await api.broker.deleteTopic('news.again');
    await api.broker.putTopic('news.again', {});
    const client = expectBody(await api.call('GET', `${PATH}/${clientId}`), 200, clientResponse);
    expect(client.topics).toEqual(['news.kept']);
  });

  test('answers 404 client-not-found and 400 invalid-request', async () => {
    expect(await api.call('GET', `${PATH}/${randomUUID()}`)).toBeProblem(404, 'client-not-found');
    expect(await api.call('GET', `${PATH}/not-an-id`)).toBeProblem(400, 'invalid-request');
  });
});

describe('GET /v1/clients', () => {
  test('answers 200 with every client once, page by page, and who is connected', async () => {
    const own = await startTestApi();
    try {
      await own.topics('news.listed');
      const ids = new Set<string>();
      for (let count = 0; count < 7; count += 1) ids.add(await own.client({ topics: ['news.listed'] }));
      const holder = await startTestEdge(own);
      const connectedId = [...ids][3] ?? '';
      await holder.hold(connectedId);

      const found: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? '' : `&cursor=${cursor}`;
        const page = expectBody(await own.call('GET', `${PATH}?limit=3${query}`, { key: 'all' }), 200, clientsResponse);
        expect(page.clients.length).toBeLessThanOrEqual(3);
        for (const client of page.clients) {
          found.push(client.clientId ?? '');
          expect(client).toMatchObject({ key: 'all', name: null, topics: ['news.listed'] });
          expect(client.connected).toBe(client.clientId === connectedId);
        }
        cursor = page.cursor;
      } while (cursor !== null);
      expect(found).toEqual([...ids].toSorted());
      holder.stop();
    } finally {
      await own.stop();
    }
  });

  test('answers 403 key-missing without a key and not-permitted to a key that manages nothing', async () => {
    expect(await api.call('GET', PATH)).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', PATH, { key: 'readers' })).toBeProblem(403, 'not-permitted');
  });

  test.each(['limit=0', 'limit=1001', 'limit=many', 'limit=-1', 'cursor=x', 'curser=x', 'limit=1&limit=2'])(
    'answers 400 invalid-request to ?%s, naming the field',
    async (query) => {
      const answer = await api.call('GET', `${PATH}?${query}`, { key: 'all' });
      expect(answer).toBeProblem(400, 'invalid-request');
      expect(answer.body['errors']).toMatchObject([{ field: `query.${query.split('=')[0]}` }]);
    },
  );
});

describe('POST /v1/clients/{clientId}/disconnect', () => {
  test('answers 202 and notifies the edge that holds the client; the registration stays', async () => {
    const holder = await edge();
    const clientId = await api.client();
    const generation = await holder.hold(clientId);
    const answer = await api.call('POST', `${PATH}/${clientId}/disconnect`, { key: 'all' });
    expect(expectBody(answer, 202, disconnectResponse)).toMatchObject({ clientId, connected: true });
    expect(await holder.broker.readPending(holder.id, 10)).toContain(clientId);
    expect(await api.broker.readClient(clientId)).toMatchObject({ disconnectUpTo: generation });
  });

  test('answers 202 with connected false to a client without a connection, and to one whose edge is dead', async () => {
    const clientId = await api.client();
    const path = `${PATH}/${clientId}/disconnect`;
    const unconnected = await api.call('POST', path, { key: 'all' });
    expect(expectBody(unconnected, 202, disconnectResponse).connected).toBe(false);
    const holder = await edge();
    await holder.hold(clientId);
    await holder.die();
    const orphaned = await api.call('POST', path, { key: 'all' });
    expect(expectBody(orphaned, 202, disconnectResponse).connected).toBe(false);
  });

  test('answers 404 client-not-found, 400 invalid-request, and 403 without the right to manage', async () => {
    const path = `${PATH}/${randomUUID()}/disconnect`;
    expect(await api.call('POST', path, { key: 'all' })).toBeProblem(404, 'client-not-found');
    expect(await api.call('POST', `${PATH}/x/disconnect`, { key: 'all' })).toBeProblem(400, 'invalid-request');
    expect(await api.call('POST', path, { key: 'readers' })).toBeProblem(403, 'not-permitted');
    expect(await api.call('POST', path)).toBeProblem(403, 'key-missing');
  });
});
