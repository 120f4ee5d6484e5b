import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';

const MIB = 1024 * 1024;
const LARGE = Buffer.from(JSON.stringify('x'.repeat(65_000)));

let api: TestApi;
let port: number;
beforeAll(async () => {
  api = await startTestApi(undefined, [], [], {
    clientCallsPerSecond: 2,
    maxCallsPerKey: 100,
    maxBytesInFlight: 64 * MIB,
  });
  port = Number(new URL(await api.app.listen({ port: 0, host: '127.0.0.1' })).port);
  await api.broker.putTopic('news.large', { size: 1000 });
  for (let message = 0; message < 200; message += 1) await api.broker.publish('news.large', LARGE);
  await api.topics('news.small');
});
afterAll(() => api.stop());

/** Connections that send requests ahead and never read an answer. */
async function attackers(count: number, request: string, ahead: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  for (let number = 0; number < count; number += 1) {
    const socket = connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .pause();
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(request.repeat(ahead));
  }
  return sockets;
}

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;

async function bystander(calls: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < calls; call += 1) {
    statuses.push((await api.call('POST', '/v1/topics/news.small/messages', { key: 'all', raw: '1' })).status);
  }
  return [...new Set(statuses)];
}

describe('an attacker beside a bystander', () => {
  const page = '/v1/topics/news.large/messages?limit=1000';
  test.each([
    ['reads large pages of a log', get(page, 'x-api-key: readers.a-secret\r\n'), 60, 20],
    ['asks for the document of the API', get('/openapi.json'), 60, 500],
    ['asks for the metrics', get('/metrics'), 20, 500],
    ['asks for clients that there are none of', get('/v1/clients/00000000-0000-4000-8000-000000000000'), 60, 500],
  ])(
    'that %s, sends ahead and never reads costs bounded memory, and others are served',
    async (_what, request, sockets, ahead) => {
      await bystander(20);
      const before = process.memoryUsage().rss;
      await attackers(sockets, request, ahead);
      expect(await bystander(100)).toEqual([202]);
      // A page for each reader up to the share of its key, and what node keeps of a connection.
      expect(process.memoryUsage().rss - before).toBeLessThan(160 * MIB);
    },
  );

  test('whose readers have hung up is read for no more', async () => {
    const sockets = await attackers(30, get(page, 'x-api-key: readers.a-secret\r\n'), 50);
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await bystander(20)).toEqual([202]);
    const { status } = await api.call('GET', page, { key: 'readers' });
    expect(status).toBe(200);
  });
});

describe('what a caller may have', () => {
  test('a client that calls by its id alone has a rate, answered with 429 and when to come again; a backend has none', async () => {
    // Nothing is earned meanwhile.
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const client = await api.client();
    const look = (key?: 'all') => api.call('GET', `/v1/clients/${client}`, key === undefined ? {} : { key });
    for (let call = 0; call < 20; call += 1) expect((await look()).status).toBe(200);
    const refused = await look();
    expect(refused).toBeProblem(429, 'too-many-calls');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await look('all')).status).toBe(200);
    const other = await api.client();
    expect((await api.call('GET', `/v1/clients/${other}`)).status).toBe(200);
  });

  test('calls past the rate are answered late, and hold up no other client of their address', async () => {
    const [hasty, other] = [await api.client(), await api.client()];
    const look = (client: string) => api.call('GET', `/v1/clients/${client}`);
    for (let call = 0; call < 20; call += 1) await look(hasty);
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let refused = 0;
    const calls = Array.from({ length: 100 }, async () => {
      if ((await look(hasty)).status === 429) refused += 1;
    });
    expect((await look(other)).status).toBe(200);
    expect(refused).toBe(0);
    const answered = new Set<number>();
    for (const [index, call] of calls.entries()) void call.then(() => answered.add(index));
    while (answered.size < calls.length) await vi.advanceTimersByTimeAsync(100);
    // It earns two calls a second meanwhile.
    expect(refused).toBeGreaterThan(50);
  });

  test('the topics that a client has count, too', async () => {
    const topics = Array.from({ length: 200 }, (_, index) => `news.t${index}`);
    await api.topics(...topics);
    const client = await api.client();
    const path = `/v1/clients/${client}/topics`;
    expect((await api.call('POST', path, { body: { topics } })).status).toBe(202);
    expect((await api.call('DELETE', path, { body: { topics } })).status).toBe(202);
    expect(await api.call('POST', path, { body: { topics } })).toBeProblem(429, 'too-many-calls');
  });

  test('a key has so many calls at a time, past which it is answered with 429, and other keys go on', async () => {
    const calls = Array.from({ length: 150 }, () => api.call('GET', '/v1/topics/news.small', { key: 'readers' }));
    const other = api.call('GET', '/v1/topics/news.small', { key: 'all' });
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(50);
    expect((await other).status).toBe(200);
    expect((await api.call('GET', '/v1/topics/news.small', { key: 'readers' })).status).toBe(200);
  });

  test('bodies hold their bytes: a key that sends more than its share at once is answered with 429', async () => {
    const raw = Buffer.alloc(15 * MIB, ' ');
    const sending = Array.from({ length: 3 }, () => api.call('POST', '/v1/messages', { key: 'all', raw }));
    const codes = (await Promise.all(sending)).map(({ status }) => status).toSorted((a, b) => a - b);
    expect(codes).toEqual([400, 429, 429]);
    expect((await api.call('POST', '/v1/messages', { key: 'all', raw })).status).toBe(400);
  });
});
