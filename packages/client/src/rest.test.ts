import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemOf } from '@holdfast/protocol/problems';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from './holdfast-error.ts';
import { type Rest, createRest } from './rest.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';

interface Seen {
  call: string;
  key: unknown;
  contentType: unknown;
  idempotencyKey: unknown;
  body: string;
}

const seen: Seen[] = [];
let answer: (response: ServerResponse) => void;
let rest: Rest;
let controlUrl: string;

const server = createServer((request, response) => void record(request).then(() => answer(response)));

async function record(request: IncomingMessage): Promise<void> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  seen.push({
    call: `${request.method} ${request.url}`,
    key: request.headers['x-api-key'],
    contentType: request.headers['content-type'],
    idempotencyKey: request.headers['idempotency-key'],
    body,
  });
}

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  controlUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  rest = createRest({ controlUrl: `${controlUrl}/`, key: 'dev.secret' });
  answer = (response) => response.end('{"fine":true}');
  seen.length = 0;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('each call', () => {
  const topics = ['a', 'b.c'];
  it.each<[string, string, (rest: Rest) => Promise<unknown>]>([
    ['POST /v1/clients', '{"name":"me","topics":["a","b.c"]}', (r) => r.register({ name: 'me', topics })],
    ['POST /v1/clients', '{"clientExpirySeconds":300}', (r) => r.register({ clientExpirySeconds: 300 })],
    ['POST /v1/clients', '{}', (r) => r.register()],
    [`DELETE /v1/clients/${clientId}`, '', (r) => r.unregister(clientId)],
    [`POST /v1/clients/${clientId}/topics`, '{"topics":["a","b.c"]}', (r) => r.subscribe(clientId, topics)],
    [`DELETE /v1/clients/${clientId}/topics`, '{"topics":["a","b.c"]}', (r) => r.unsubscribe(clientId, topics)],
    [`GET /v1/clients/${clientId}`, '', (r) => r.getClient(clientId)],
    ['GET /v1/clients', '', (r) => r.clients()],
    ['GET /v1/clients?cursor=c%261&limit=5', '', (r) => r.clients({ cursor: 'c&1', limit: 5 })],
    [`POST /v1/clients/${clientId}/disconnect`, '', (r) => r.disconnect(clientId)],
    ['PUT /v1/topics/a', '{"history":{"size":5}}', (r) => r.createTopic('a', { history: { size: 5 } })],
    ['PUT /v1/topics/a', '{}', (r) => r.createTopic('a')],
    ['DELETE /v1/topics/..%2Fclients', '', (r) => r.deleteTopic('../clients')],
    ['GET /v1/topics/a', '', (r) => r.getTopic('a')],
    ['GET /v1/topics?cursor=x', '', (r) => r.topics({ cursor: 'x' })],
    ['POST /v1/topics/a/messages', '{"n":null}', (r) => r.publish('a', { n: null })],
    ['POST /v1/topics/a/messages', '{"n": 1e400}', (r) => r.publish('a', '{"n": 1e400}', { raw: true })],
    [`POST /v1/clients/${clientId}/messages`, '"hi"', (r) => r.publishToClient(clientId, 'hi')],
    [
      'POST /v1/messages',
      '{"messages":[{"topics":["a","b.c"],"data":1}]}',
      (r) => r.publishBatch([{ topics, data: 1 }]),
    ],
    ['GET /v1/topics/a/messages?after=1-0&limit=2', '', (r) => r.history('a', { after: '1-0', limit: 2 })],
    ['GET /v1/edges', '', (r) => r.edges()],
    ['POST /v1/edges/a%2Fb/drain', '', (r) => r.drainEdge('a/b')],
    ['POST /v1/edges/e1/undrain', '', (r) => r.undrainEdge('e1')],
    ['GET /v1/keys?cursor=a&limit=5', '', (r) => r.keys({ cursor: 'a', limit: 5 })],
    ['POST /v1/keys', '{"id":"a","can":{"register":true}}', (r) => r.createKey({ id: 'a', can: { register: true } })],
    ['DELETE /v1/keys/a%2Fb', '', (r) => r.deleteKey('a/b')],
    ['DELETE /v1/keys/a?clients=true', '', (r) => r.deleteKey('a', { clients: true })],
    ['GET /v1/doctor', '', (r) => r.doctor()],
    ['GET /v1/doctor?wait=70', '', (r) => r.doctor({ wait: 70 })],
    [
      'POST /v1/clients',
      '{"user":"ann","info":{"n":1},"may":{"subscribe":["a"]}}',
      (r) => r.register({ user: 'ann', info: { n: 1 }, may: { subscribe: ['a'] } }),
    ],
    ['GET /v1/clients?user=a%26b&name=me', '', (r) => r.clients({ user: 'a&b', name: 'me' })],
    ['GET /v1/users/a%2Fb', '', (r) => r.getUser('a/b')],
    ['POST /v1/users/status', '{"users":["ann"]}', (r) => r.usersStatus(['ann'])],
    ['POST /v1/users/ann/disconnect', '', (r) => r.disconnectUser('ann')],
    ['POST /v1/users/ann/revoke', '{}', (r) => r.revokeUser('ann')],
    [
      'POST /v1/users/ann/revoke',
      '{"issuedBefore":"2030-01-01T00:00:00.000Z"}',
      (r) => r.revokeUser('ann', { issuedBefore: new Date('2030-01-01') }),
    ],
    ['POST /v1/users/ann/messages', '1', (r) => r.publishToUser('ann', 1)],
    ['GET /v1/topics/a/presence?cursor=c&limit=2', '', (r) => r.presence('a', { cursor: 'c', limit: 2 })],
    ['POST /v1/presence/count', '{"topics":["a"]}', (r) => r.presenceCounts(['a'])],
    [
      'PUT /v1/topics/a',
      '{"expireSeconds":60,"presence":{"by":"user"}}',
      (r) => r.createTopic('a', { expireSeconds: 60, presence: { by: 'user' } }),
    ],
    ['PUT /v1/topics/a', '{"presence":null}', (r) => r.createTopic('a', { presence: null })],
  ])('%s %s carries the key, and its body as JSON', async (call, body, send) => {
    expect(await send(rest)).toEqual({ fine: true });
    expect(seen).toEqual([
      {
        call,
        key: 'dev.secret',
        contentType: body === '' ? undefined : 'application/json',
        idempotencyKey: undefined,
        body,
      },
    ]);
  });

  it('leaves out a key that it does not have, and sends the idempotency key that it has', async () => {
    await createRest({ controlUrl }).publish('a', 1, { idempotencyKey: 'k1' });
    expect(seen[0]).toMatchObject({ key: undefined, idempotencyKey: 'k1' });
  });

  it('carries a token in place of a key', async () => {
    answer = (response) => response.end('{}');
    const authorizations: unknown[] = [];
    const spy: typeof fetch = (url, init) => {
      authorizations.push(new Headers(init?.headers).get('authorization'));
      return fetch(url, init);
    };
    await createRest({ controlUrl, token: 'a.b.c', fetch: spy }).publish('a', 1);
    expect([authorizations, seen[0]?.key]).toEqual([['Bearer a.b.c'], undefined]);
  });

  it.each(['.', '..'])('is never another one for a name that is %s', async (name) => {
    const data = { messages: [{ topics: ['news'], data: 1 }] };
    for (const call of [
      rest.publishToUser(name, data),
      rest.publish(name, data),
      rest.publishToClient(name, data),
      rest.revokeUser(name),
      rest.deleteTopic(name),
      rest.unregister(name),
      rest.presence(name),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'invalid-request' });
    }
    expect(seen).toEqual([]);
  });

  it.each(["!'()*~", '%2e%2e', '.a', '...', 'a/../b', 'ä ?#', ''])('has names as they are: %j', async (name) => {
    await rest.getUser(name);
    expect(seen).toMatchObject([{ call: `GET /v1/users/${encodeURIComponent(name)}` }]);
  });

  it('refuses data that JSON does not know before it sends anything', () => {
    expect(() => rest.publish('a', undefined)).toThrow(TypeError);
    expect(seen).toEqual([]);
  });
});

describe('a call that fails', () => {
  it('rejects with the code, the status and the document of the problem', async () => {
    const problem = problemOf('topic-not-found', { detail: 'no topic "a"', topics: ['a'] });
    answer = (response) => response.writeHead(problem.status).end(JSON.stringify(problem));
    const error = await failure(rest.subscribe(clientId, ['a']));
    expect(error).toMatchObject({ code: 'topic-not-found', status: 404, problem, message: 'no topic "a"' });
  });

  it.each([
    ['a page of a proxy', 502, '<html>'],
    ['JSON of another program', 500, '{"error":"no"}'],
    ['half an answer', 200, '{"clientId":'],
  ])('says that %s is not an answer of Holdfast', async (_what, status, body) => {
    answer = (response) => response.writeHead(status).end(body);
    expect(await failure(rest.edges())).toMatchObject({ code: 'unexpected-answer', status, problem: undefined });
  });

  it('reports that there was no answer, and why', async () => {
    answer = (response) => response.destroy();
    const error = await failure(rest.edges());
    expect(error).toMatchObject({ code: 'unreachable', status: undefined });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect (%i), which would take the key elsewhere', async (status) => {
    let elsewhereSaw = 0;
    const elsewhere = createServer((_request, response) => {
      elsewhereSaw += 1;
      response.end('{"fine":true}');
    });
    elsewhere.listen(0, '127.0.0.1');
    await new Promise((resolve) => elsewhere.once('listening', resolve));
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/v1/clients`;
    // A document that looks like a problem is none of this API.
    answer = (response) => response.writeHead(status, { location }).end('{"code":"topic-not-found","title":"x"}');
    await expect(rest.register()).rejects.toMatchObject({ code: 'unexpected-answer', status });
    await expect(rest.topics()).rejects.toMatchObject({ code: 'unexpected-answer', status });
    await new Promise((resolve) => elsewhere.close(resolve));
    expect(elsewhereSaw).toBe(0);
    expect(seen).toHaveLength(2);
  });

  it('takes the redirect that browsers hide as one', async () => {
    const hidden = { ok: false, status: 0, headers: new Headers(), text: async () => '' } as Response;
    const inPage = createRest({ controlUrl, fetch: async () => hidden });
    await expect(inPage.topics()).rejects.toMatchObject({ code: 'unexpected-answer', message: 'answered a redirect' });
  });

  it('rejects with the reason of its signal', async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new Error('changed my mind'));
    await expect(rest.edges({ signal: abort.signal })).rejects.toThrow('changed my mind');
  });
});

async function failure(call: Promise<unknown>): Promise<HoldfastError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HoldfastError);
  return error as HoldfastError;
}
