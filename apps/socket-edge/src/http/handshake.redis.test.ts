import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { HandshakeRefused, type TestSocket, openSocket, refusedHandshake } from '@holdfast/testkit/socket';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RefusalLimit } from './refusal.ts';
import { type Control, startControl } from '../testing/control.ts';
import { handshakeLines, rawRequest } from '../testing/raw-client.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
let control: Control;
let edge: RunningEdge;
let client: string;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  edge = await startEdge({ redisUrl: redisUrl(), prefix: mine, allowedOrigins: ['https://app.example'] });
  client = await control.register();
});
afterAll(async () => {
  await edge.stop();
  await control.stop();
});

const codeOf = (body: string) => (JSON.parse(body) as { code: string }).code;

describe('the client id is taken from', () => {
  it('the query', async () => {
    const socket = await openSocket(edge.url, { client });
    expect(await socket.next('welcome')).toMatchObject({ topics: { '@me': {} } });
    expect(socket.ws.protocol).toBe('');
    await socket.close();
  });

  it('Authorization', async () => {
    const socket = await openSocket(edge.url, { headers: { authorization: `Bearer ${client}` } });
    expect(await socket.next('welcome')).toBeDefined();
    await socket.close();
  });

  it('a second subprotocol, and ours is the one that comes back', async () => {
    const socket = await openSocket(edge.url, { protocols: ['holdfast.v1', `holdfast.client.${client}`] });
    await socket.next('welcome');
    expect(socket.ws.protocol).toBe('holdfast.v1');
    await socket.close();
  });

  it('a subprotocol alone, which then comes back, as browsers want it', async () => {
    const socket = await openSocket(edge.url, { protocols: [`holdfast.client.${client}`] });
    await socket.next('welcome');
    expect(socket.ws.protocol).toBe(`holdfast.client.${client}`);
    await socket.close();
  });
});

describe('before any upgrade', () => {
  it.each([
    ['a missing client id', {}, 400, 'credential-missing'],
    ['a malformed client id', { client: 'me' }, 400, 'credential-malformed'],
    [
      'a client id and another one',
      { client: randomUUID(), headers: { authorization: `Bearer ${randomUUID()}` } },
      400,
      'credential-malformed',
    ],
    ['an API key', { query: { key: 'a.b' } }, 400, 'key-in-query'],
    ['an unknown client', { client: randomUUID() }, 403, 'unknown-client'],
    ['a page of another origin', { headers: { origin: 'https://evil.example' } }, 403, 'origin-not-allowed'],
  ])('%s is refused', async (_, options, status, code) => {
    const refusal = await refusedHandshake(edge.url, options);
    expect(refusal).toMatchObject({ status, headers: { 'content-type': 'application/problem+json' } });
    expect(codeOf(refusal.body)).toBe(code);
  });

  it.each([
    ['another version', { 'Sec-WebSocket-Version': '12' }, 426],
    ['a broken key', { 'Sec-WebSocket-Key': 'abc' }, 400],
    ['broken subprotocols', { 'Sec-WebSocket-Protocol': 'a b' }, 400],
  ])('%s is refused', async (_, headers, status) => {
    const before = await openSocket(edge.url, { client });
    const answer = await rawRequest(edge.port, handshakeLines(`/v1/connect?client=${client}`, headers));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    // It never was a claim: the connection that the client has stays.
    before.send({ type: 'ping' });
    await before.next('pong');
    await before.close();
  });

  it.each([
    ['what is not HTTP', ['this is no request'], 400, 'invalid-request'],
    ['a header without a name', ['GET /healthz HTTP/1.1', 'Host: edge', ': nameless'], 400, 'invalid-request'],
    [
      'a header that is too large',
      handshakeLines('/v1/connect', { 'X-Long': 'a'.repeat(40_000) }),
      431,
      'headers-too-large',
    ],
    ['a URL that is too large', handshakeLines(`/v1/connect?client=${'a'.repeat(40_000)}`), 431, 'headers-too-large'],
  ])('%s gets a problem document', async (_, lines, status, code) => {
    const answer = await rawRequest(edge.port, lines);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ type: `urn:holdfast:problem:${code}`, status, code });
  });

  it('a request that does not arrive in time gets a problem document', async () => {
    const socket = connect(edge.port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: edge\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*application\/problem\+json/s);
    expect(codeOf(answer.split('\r\n\r\n')[1] ?? '')).toBe('request-timeout');
  });

  it('a plain request is answered with 426', async () => {
    const answer = await fetch(`http://127.0.0.1:${edge.port}/v1/connect?client=${client}`);
    expect(answer.status).toBe(426);
    expect(answer.headers.get('upgrade')).toBe('websocket');
    expect(codeOf(await answer.text())).toBe('upgrade-required');
  });

  it('another path does not exist', async () => {
    expect(await refusedHandshake(`${edge.url}/v2/connect`, { client })).toMatchObject({ status: 404 });
    expect((await fetch(`${edge.url.replace('ws', 'http')}/nothing`)).status).toBe(404);
  });

  it('a request that is cut in the middle harms no other connection', async () => {
    const witness = await openSocket(edge.url, { client });
    for (let count = 0; count < 50; count += 1) {
      const socket = connect(edge.port, '127.0.0.1');
      socket.write(`${handshakeLines(`/v1/connect?client=${randomUUID()}`).join('\r\n')}\r\n\r\n`, () =>
        socket.resetAndDestroy(),
      );
      await once(socket, 'close');
    }
    witness.send({ type: 'ping' });
    expect(await witness.next('pong')).toBeDefined();
    await witness.close();
  });
});

describe('an address that was refused too often', () => {
  it('gets 429 with Retry-After for bad client ids, and a connection for good ones', async () => {
    const strict = await startEdge({ redisUrl: redisUrl(), prefix: mine, limit: new RefusalLimit(3) });
    const witness = await openSocket(strict.url, { client });
    for (let count = 0; count < 3; count += 1) {
      expect(await refusedHandshake(strict.url, { client: randomUUID() })).toMatchObject({ status: 403 });
    }
    for (const bad of [randomUUID(), 'me']) {
      const refusal = await refusedHandshake(strict.url, { client: bad });
      expect(refusal.status).toBe(429);
      expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
    }
    const good = await openSocket(strict.url, { client: await control.register() });
    await good.next('welcome');
    // Another address is not concerned.
    expect(await refusedHandshake(strict.url, { client: randomUUID(), localAddress: '127.0.0.2' })).toMatchObject({
      status: 403,
    });
    witness.send({ type: 'ping' });
    await witness.next('pong');
    await strict.stop();
  });

  it('has its good clients taken in while it goes on guessing', async () => {
    const strict = await startEdge({ redisUrl: redisUrl(), prefix: mine, limit: new RefusalLimit(1) });
    await refusedHandshake(strict.url, { client: randomUUID() });
    const clients = await Promise.all(Array.from({ length: 20 }, () => control.register()));
    const outcomes = await Promise.all(
      clients.flatMap((each) => [
        openSocket(strict.url, { client: each }).then(() => 'taken'),
        refusedHandshake(strict.url, { client: randomUUID() }).then(({ status }) => status),
      ]),
    );
    expect(outcomes).toEqual(clients.flatMap(() => ['taken', 429]));
    await strict.stop();
  });
});

it('a client that comes back again and again to resume very much gets 429 with Retry-After; others do not', async () => {
  const own = await startEdge({ redisUrl: redisUrl(), prefix: mine });
  const topics = Array.from({ length: 900 }, (_, index) => `many.${index}`);
  for (let from = 0; from < topics.length; from += 100) {
    await Promise.all(topics.slice(from, from + 100).map((topic) => control.topics(topic)));
  }
  const one = await control.register(topics);
  const refusal = await eventually(async () => {
    const socket = await openSocket(own.url, { client: one, resume: true }).catch((error: unknown) => error);
    if (socket instanceof HandshakeRefused) return socket;
    (socket as TestSocket).terminate();
    throw new Error('it was taken again');
  });
  expect(refusal.status).toBe(429);
  expect(codeOf(refusal.body)).toBe('too-many-resumes');
  expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
  const other = await openSocket(own.url, { client, resume: true });
  other.terminate();
  await own.stop();
}, 60_000);

it('a full edge answers 503 with Retry-After, keeps its connections, and takes others when there is room', async () => {
  const small = await startEdge({ redisUrl: redisUrl(), prefix: mine, maxConnections: 2 });
  const first = await openSocket(small.url, { client });
  const second = await openSocket(small.url, { client: await control.register() });
  const late = await control.register();
  const refusal = await refusedHandshake(small.url, { client: late });
  expect(refusal.status).toBe(503);
  expect(codeOf(refusal.body)).toBe('edge-full');
  expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
  first.send({ type: 'ping' });
  await first.next('pong');
  await second.close();
  const third = await eventually(() => openSocket(small.url, { client: late }));
  await third.next('welcome');
  await small.stop();
});

it('many at once do not get past the limit of an edge', async () => {
  const small = await startEdge({ redisUrl: redisUrl(), prefix: mine, maxConnections: 5 });
  const clients = await Promise.all(Array.from({ length: 40 }, () => control.register()));
  const outcomes = await Promise.allSettled(clients.map((each) => openSocket(small.url, { client: each })));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  expect(small.edge.registry.size).toBe(5);
  // A client refused after its claim has no owner any more.
  await eventually(async () => {
    const states = await control.broker.readClients(clients);
    expect(states.filter((state) => state?.owner)).toHaveLength(5);
  });
  await small.stop();
});

it('an edge that drains answers 503, closes with 1012 and a delay, and gives its clients up', async () => {
  const leaving = await startEdge({ redisUrl: redisUrl(), prefix: mine });
  const clients = await Promise.all(Array.from({ length: 20 }, () => control.register()));
  const sockets = await Promise.all(clients.map((each) => openSocket(leaving.url, { client: each })));
  await Promise.all(sockets.map((socket) => socket.next('welcome')));
  const left = leaving.edge.leave(2);
  const refusal = await refusedHandshake(leaving.url, { client });
  expect(refusal.status).toBe(503);
  expect(codeOf(refusal.body)).toBe('edge-draining');
  expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
  for (const { code, reason } of await Promise.all(sockets.map((socket) => socket.closed))) {
    expect(code).toBe(1012);
    expect(reason).toMatch(/^retry-after-ms=\d+$/);
  }
  await left;
  const states = await control.broker.readClients(clients);
  expect(states.filter((state) => state?.owner)).toEqual([]);
  expect((await control.broker.liveEdges()).map(({ id }) => id)).not.toContain(leaving.id);
  await leaving.stop();
});

describe('when Redis does not answer', () => {
  it('handshakes get 503 with Retry-After, open connections stay, and receive again by themselves', async () => {
    const redis = await startPrivateRedis();
    const own = await startControl(redis.url, mine);
    const away = await startEdge({ redisUrl: redis.url, prefix: mine });
    await own.topics('news');
    const one = await own.register(['news']);
    const socket = await openSocket(away.url, { client: one });
    await socket.next('welcome');

    redis.freeze();
    const refusal = await refusedHandshake(away.url, { client: one });
    expect(refusal.status).toBe(503);
    expect(codeOf(refusal.body)).toBe('redis-unavailable');
    expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
    socket.send({ type: 'ping' });
    await socket.next('pong');

    redis.thaw();
    const id = await eventually(() => own.publish('news', '1'));
    // Of a publish that was not answered in time it may have got the message already.
    await socket.next((frame) => frame['id'] === id);
    // The claim that was not answered changed nothing.
    await eventually(async () => {
      const { owner } = (await own.broker.readClient(one)) ?? {};
      expect(owner).toEqual({ edge: away.id, generation: away.edge.registry.get(one)?.generation });
    });
    await own.subscribe(one, 'news');
    await away.stop();
    await own.stop();
    await redis.stop();
  });

  it('a connection whose topics cannot be found out gets 1013', async () => {
    const redis = await startPrivateRedis();
    const own = await startControl(redis.url, mine);
    const away = await startEdge({ redisUrl: redis.url, prefix: mine });
    await own.topics('news');
    const one = await own.register(['news']);
    const begin = (await own.broker.readTopics(['news']))[0]?.last ?? '';
    await own.publish('news', '1');
    const socket = await openSocket(away.url, { client: one, resume: true });
    redis.freeze();
    socket.send({ type: 'resume', positions: { news: begin } });
    expect(await socket.closed).toEqual({ code: 1013, reason: 'try-later' });
    redis.thaw();
    await away.stop();
    await own.stop();
    await redis.stop();
  });
});

it('health and metrics are on the same port', async () => {
  const at = (path: string) => fetch(`http://127.0.0.1:${edge.port}${path}`);
  expect((await at('/healthz')).status).toBe(200);
  await eventually(async () => expect((await at('/readyz')).status).toBe(200));
  const socket = await openSocket(edge.url, { client });
  await refusedHandshake(edge.url, { client: randomUUID() });
  const metrics = await (await at('/metrics')).text();
  expect(metrics).toMatch(/^holdfast_connections\{[^}]*\} 1$/m);
  expect(metrics).toMatch(/^holdfast_handshakes_refused_total\{code="unknown-client",[^}]*\} [1-9]\d*$/m);
  await socket.close();
  edge.health.drain();
  expect((await at('/readyz')).status).toBe(503);
  expect((await at('/healthz')).status).toBe(200);
});
