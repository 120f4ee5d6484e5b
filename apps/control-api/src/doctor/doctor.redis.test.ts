import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctorResponse } from '@holdfast/protocol/rest/doctor';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type TestApi, expectBody, startApiOn, startTestApi } from '../testing/api.ts';
import { goodEdge } from '../testing/doctor-facts.ts';
import { startTestEdge } from '../testing/edge.ts';

const PATH = '/v1/doctor';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

async function examined(at: TestApi, query = '', key: 'all' | 'maker' = 'all') {
  const { checks, status } = expectBody(await at.call('GET', `${PATH}${query}`, { key }), 200, doctorResponse);
  return { status, checks, of: (id: string) => checks.filter((check) => check.id === id) };
}

async function apiOn(args: string[]) {
  const redis = await startPrivateRedis({ args });
  const its = await startTestApi(redis.url);
  onTestFinished(async () => {
    await its.stop();
    await redis.stop();
  });
  return { redis, its };
}

describe('GET /v1/doctor', () => {
  test('answers 200 with what it sees of a real Redis and this machine', async () => {
    const { of, checks } = await examined(api);
    expect(of('redis-reachable')).toMatchObject([{ status: 'ok', where: null }]);
    expect(of('redis-scripts')).toMatchObject([{ status: 'ok', seen: 'a script ran' }]);
    expect(of('redis-version')[0]?.seen).toMatch(/^(redis|valkey) \d+\.\d+/);
    expect(of('clocks')).toMatchObject([{ status: 'ok' }]);
    expect(of('edges')).toMatchObject([{ status: 'fail', seen: 'none is alive' }]);
    for (const { id, seen } of checks) expect([id, seen]).not.toEqual([id, expect.stringContaining('could not be')]);
  });

  test('finds what is set wrong: an evicting Redis, no disk, and the buffer as it is by default', async () => {
    const args = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru', '--save', '', '--appendonly', 'no'];
    const { its } = await apiOn(args);
    await its.redis.servers()[0]?.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    const { of, status } = await examined(its);
    expect(status).toBe('fail');
    expect(of('redis-eviction')).toMatchObject([{ status: 'fail', do: 'Set maxmemory-policy noeviction' }]);
    expect(of('redis-persistence')).toMatchObject([{ status: 'warn', seen: 'nothing is written to disk' }]);
    expect(of('redis-pubsub-buffer')).toMatchObject([{ status: 'warn', seen: 'pubsub 32mb 8mb 60' }]);
  });

  test('finds a secret of tokens that everybody can read in the keys file, and none where there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    const tokens = { alg: 'HS256', secret: 'a-secret-by-which-tokens-are-made' };
    const { secretSha256 } = api.keys.get('all') ?? {};
    const can = { manage: ['**'] };
    for (const [name, more, status] of [
      ['tokens', { tokens }, 'warn'],
      ['hashes', {}, 'ok'],
    ] as const) {
      const file = join(folder, name);
      await writeFile(file, JSON.stringify({ keys: [{ id: 'all', secretSha256, can, ...more }] }), { mode: 0o644 });
      const its = await startApiOn(file);
      onTestFinished(() => its.stop());
      expect((await examined(its)).of('keys-file-mode')).toMatchObject([{ status }]);
    }
    await rm(folder, { recursive: true });
  });

  test('says what it was not permitted to ask, and what to grant', async () => {
    const { redis, its } = await apiOn(['--maxmemory-policy', 'noeviction']);
    const { port } = new URL(redis.url);
    await its.redis
      .servers()[0]
      ?.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous');
    const limited = await startTestApi(`redis://limited:secret@127.0.0.1:${port}`);
    onTestFinished(() => limited.stop());
    const { of } = await examined(limited);
    for (const id of ['redis-version', 'redis-eviction']) {
      expect(of(id)).toMatchObject([
        {
          status: 'warn',
          seen: expect.stringContaining('NOPERM') as string,
          do: expect.stringContaining('+info') as string,
        },
      ]);
    }
    expect(of('redis-keyspace-events')).toMatchObject([
      { status: 'warn', do: expect.stringContaining('+config|get') as string },
    ]);
    expect(of('redis-scripts')).toMatchObject([{ status: 'ok' }]);
  });

  test('says that scripts are not allowed', async () => {
    const { redis, its } = await apiOn([]);
    await its.redis.servers()[0]?.call('ACL', 'SETUSER', 'plain', 'on', '>secret', '~*', '&*', '+@all', '-@scripting');
    const plain = await startTestApi(`redis://plain:secret@127.0.0.1:${new URL(redis.url).port}`);
    onTestFinished(() => plain.stop());
    const { of } = await examined(plain);
    expect(of('redis-scripts')).toMatchObject([{ status: 'fail', seen: expect.stringContaining('NOPERM') as string }]);
    expect(of('redis-reachable')).toMatchObject([
      { status: 'fail', seen: expect.stringContaining('NOPERM') as string },
    ]);
  });

  test('answers 200 also while Redis is away, and says so', async () => {
    const { redis, its } = await apiOn([]);
    await redis.kill();
    const { of, checks } = await examined(its);
    expect(of('redis-reachable')).toMatchObject([{ status: 'fail' }]);
    expect(checks[0]?.id).toBe('redis-reachable');
    expect(of('edges')).toMatchObject([{ status: 'warn' }]);
  });

  test('judges edges by their leases, and what answers under their URL', async () => {
    const { load, facts } = goodEdge({}, { clockDifferenceMs: 20_000 }, { version: '0.0.1', origins: 'not-set' });
    const edge = await startTestEdge(api, { url: 'ws://127.0.0.1:1', ...(load && { load }), ...(facts && { facts }) });
    const { of } = await examined(api);
    expect(of('edges')).toMatchObject([{ status: 'ok' }]);
    expect(of('edge-versions')).toMatchObject([{ status: 'warn', where: `edge ${edge.id} on a` }]);
    expect(of('clocks')).toMatchObject([{ status: 'fail', where: `edge ${edge.id} on a` }, { status: 'ok' }]);
    expect(of('edge-reachable')).toMatchObject([{ status: 'warn', where: 'ws://127.0.0.1:1' }]);
    expect(of('balancer-idle')).toEqual([]);
    await edge.die();
    edge.stop();
  });

  test('names how many URLs it did not try', async () => {
    const { its } = await apiOn([]);
    const edge = await startTestEdge(its, { url: 'ws://127.0.0.1:1/0' });
    const lease = { connections: 0, maxConnections: 1, draining: false, startedAt: 0 };
    for (let n = 1; n < 52; n++) {
      await edge.broker.renewLease({ ...lease, id: `many-${n}`, url: `ws://127.0.0.1:1/${n}` });
    }
    const reach = (await examined(its)).of('edge-reachable');
    expect(reach).toContainEqual(expect.objectContaining({ status: 'warn', seen: '2 URLs were not tried' }));
    edge.stop();
  });

  test('with ?wait= holds a connection, for which it registers a client and removes it again', async () => {
    const edge = await startTestEdge(api, { url: 'ws://127.0.0.1:1' });
    const held = (await examined(api, '?wait=1')).of('balancer-idle');
    expect(held).toMatchObject([{ status: 'warn', seen: 'not measured: it could not be opened' }]);
    expect((await api.broker.listClients(null, 10)).items).toEqual([]);
    const denied = (await examined(api, '?wait=1', 'maker')).of('balancer-idle');
    expect(denied).toMatchObject([{ seen: expect.stringContaining('no right to register') as string }]);
    await edge.die();
    edge.stop();
  });

  test('with ?wait= is made one at a time, whoever asks; without, any number', async () => {
    const { its } = await apiOn([]);
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const edge = await startTestEdge(its, { url: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    const first = its.call('GET', `${PATH}?wait=100`, { key: 'all' });
    await once(silent, 'connection');
    const second = await its.call('GET', `${PATH}?wait=1`, { key: 'news' });
    expect(second).toBeProblem(429, 'too-many-calls');
    expect(Number(second.headers['retry-after'])).toSatisfy((seconds: number) => seconds > 90 && seconds <= 100);
    const plain = its.call('GET', PATH, { key: 'news' });
    await eventually(() => expect(sockets.length).toBeGreaterThan(2));
    silent.close();
    for (const socket of sockets) socket.destroy();
    expect([(await first).status, (await plain).status]).toEqual([200, 200]);
    expect((await its.call('GET', `${PATH}?wait=1`, { key: 'news' })).status).toBe(200);
    edge.stop();
  });

  test('sees that there is a proxy that is not trusted', async () => {
    const answer = await api.call('GET', PATH, { key: 'all', headers: { 'x-forwarded-for': '10.0.0.1' } });
    const { checks } = expectBody(answer, 200, doctorResponse);
    expect(checks.find(({ id }) => id === 'control-proxies')).toMatchObject({ status: 'warn' });
  });

  test('answers 403 to a key that manages nothing, and 400 to a time that is none', async () => {
    expect(await api.call('GET', PATH, { key: 'readers' })).toBeProblem(403, 'not-permitted');
    for (const wait of ['301', '-1', '1s', '']) {
      expect(await api.call('GET', `${PATH}?wait=${wait}`, { key: 'all' })).toBeProblem(400, 'invalid-request');
    }
  });
});
