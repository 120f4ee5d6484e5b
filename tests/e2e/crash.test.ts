import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { idsOf, startBackend } from './backend.ts';

describe('what ends without warning', () => {
  it('an edge killed with -9 takes nothing with it: its clients resume elsewhere, and no control-api reports them as connected for long', async () => {
    await using backend = await startBackend();
    await backend.topic('edge-death');
    const [moves, stays] = [await backend.register(['edge-death']), await backend.register(['edge-death'])];
    const [socket, left] = [await backend.connect(moves), await backend.connect(stays)];
    await Promise.all([socket.next('welcome'), left.next('welcome')]);
    const seen = await backend.publish('edge-death', 0);
    await Promise.all([socket.next('message'), left.next('message')]);
    backend.installation.edges[0]?.kill('SIGKILL');
    await socket.closed;
    const missed = await backend.publish('edge-death', 1);
    const again = await backend.connect(moves, { edge: 1, resume: true });
    again.send({ type: 'resume', positions: { 'edge-death': seen } });
    expect(await again.next('welcome')).toMatchObject({ topics: { 'edge-death': { recovered: true } } });
    expect(await again.next('message')).toMatchObject({ id: missed });
    await eventually(
      async () => {
        const answer = await backend.call('GET', `/v1/clients/${stays}`);
        expect(answer.body['connected']).toBe(false);
      },
      { timeoutMs: 15_000 },
    );
    expect((await backend.call('GET', `/v1/clients/${moves}`)).body['connected']).toBe(true);
  });

  it('SIGTERM says 1012 with a delay to every connection, gives the clients up, and exits 0', async () => {
    await using backend = await startBackend();
    const clients = await Promise.all(Array.from({ length: 20 }, () => backend.register([])));
    const sockets = await Promise.all(clients.map((client) => backend.connect(client)));
    await Promise.all(sockets.map((socket) => socket.next('welcome')));
    const edge = backend.installation.edges[0];
    edge?.kill('SIGTERM');
    for (const socket of sockets) {
      const { code, reason } = await socket.closed;
      expect({ code, reason }).toEqual({ code: 1012, reason: expect.stringMatching(/^retry-after-ms=\d+$/) });
    }
    expect(await edge?.exited).toMatchObject({ code: 0 });
    for (const client of clients) {
      expect((await backend.call('GET', `/v1/clients/${client}`)).body).toMatchObject({ connected: false, edge: null });
    }
    const edges = await backend.call<{ edges: { url: string }[] }>('GET', '/v1/edges');
    expect(edges.body.edges.map(({ url }) => url)).toEqual([backend.installation.edgeUrls[1]]);
  });

  it('while Redis is away connections stay, publishes are refused with 503, and afterwards everything is heard again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-outage-'));
    const persistent = { directory, args: ['--appendonly', 'yes', '--appendfsync', 'always'] };
    let redis = await startPrivateRedis(persistent);
    try {
      await using backend = await startBackend({ redis: { url: redis.url } });
      await backend.topic('outage');
      const client = await backend.register(['outage']);
      const socket = await backend.connect(client);
      await socket.next('welcome');
      const ids = [await backend.publish('outage', 'before')];
      await redis.kill();
      await eventually(async () => {
        const refused = await backend.call('POST', '/v1/topics/outage/messages', { body: 'lost?' });
        expect(refused).toMatchObject({ status: 503, body: { code: 'redis-unavailable' } });
      });
      await eventually(async () => expect((await backend.call('GET', '/readyz')).status).toBe(503));
      expect((await backend.call('GET', '/healthz')).status).toBe(200);
      redis = await startPrivateRedis({ ...persistent, port: redis.port });
      await eventually(async () => {
        const answer = await backend.call('POST', '/v1/topics/outage/messages', { body: 'after' });
        expect(answer.status).toBe(202);
        ids.push(String(answer.body['id']));
      });
      await eventually(() => expect(idsOf(socket, 'outage')).toEqual(ids));
      expect(socket.frames.filter((frame) => frame.type === 'lost')).toEqual([]);
    } finally {
      await redis.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('with keyspace notifications switched off everything still works', async () => {
    const redis = await startPrivateRedis();
    const admin = new Redis(redis.url);
    try {
      await using backend = await startBackend({ redis: { url: redis.url } });
      await backend.topic('quiet');
      const client = await backend.register([]);
      const socket = await backend.connect(client);
      await socket.next('welcome');
      await admin.config('SET', 'notify-keyspace-events', '');
      await backend.call('POST', `/v1/clients/${client}/topics`, { body: { topics: 'quiet' } });
      const id = await backend.publish('quiet', 1);
      expect(await socket.next('message')).toMatchObject({ id });
      await backend.call('DELETE', `/v1/clients/${client}`);
      expect(await socket.closed).toMatchObject({ code: 4410 });
      expect((await admin.config('GET', 'notify-keyspace-events')) as unknown).not.toContain('K');
    } finally {
      admin.disconnect();
      await redis.stop();
    }
  });
});
