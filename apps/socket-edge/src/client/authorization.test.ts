import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientToken, NO_IDENTITY } from '@holdfast/broker/client-state';
import { memoryEdge } from '../testing/memory-edge.ts';
import { turns } from '../testing/turns.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { authorizationFault } from './authorization.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const WARNING = 30_000;
const LEEWAY = 30_000;

function tokenUntil(expiresAt: number, issuedAt = NOW - MINUTE): { token: ClientToken } {
  return { token: { expiresAt, issuedAt, topics: [] } };
}

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => vi.useRealTimers());

function start() {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  return {
    redis,
    edge,
    /** So much later. */
    later: async (ms: number): Promise<void> => {
      vi.setSystemTime(Date.now() + ms);
      edge.authorizations.tick();
      await edge.settled();
    },
  };
}

describe('a connection of a client with a token', () => {
  it('sees in the welcome when its authorization ends', async () => {
    const { redis, edge } = start();
    redis.register('a', [], tokenUntil(NOW + 5 * MINUTE));
    redis.register('b', [], tokenUntil(NOW - 1000));
    const { socket } = await edge.connected('a');
    expect(socket.of('welcome')).toMatchObject([{ expiresInMs: 5 * MINUTE }]);
    expect((await edge.connected('b')).socket.of('welcome')).toMatchObject([{ expiresInMs: 0 }]);
    expect(socket.of('expiring')).toEqual([]);
  });

  it('is warned once, 30 s before the end', async () => {
    const { redis, edge, later } = start();
    redis.register('a', [], tokenUntil(NOW + 5 * MINUTE));
    const { socket } = await edge.connected('a');
    await later(5 * MINUTE - WARNING - 1000);
    expect(socket.of('expiring')).toEqual([]);
    await later(1000);
    expect(socket.of('expiring')).toEqual([{ type: 'expiring', inMs: WARNING }]);
    await later(WARNING);
    expect(socket.of('expiring')).toHaveLength(1);
    expect(socket.closed).toBeNull();
  });

  it('is warned at once, behind the welcome, when less is left', async () => {
    const { redis, edge } = start();
    redis.register('a', [], tokenUntil(NOW + 10_000));
    const { socket } = await edge.connected('a');
    expect(socket.frames.map(({ type }) => type)).toEqual(['welcome', 'expiring']);
    expect(socket.of('expiring')).toEqual([{ type: 'expiring', inMs: 10_000 }]);
  });

  it('is closed with 4401 when the end and the leeway are over, and not before', async () => {
    const { redis, edge, later } = start();
    redis.register('a', [], tokenUntil(NOW + MINUTE));
    const { socket } = await edge.connected('a');
    await later(WARNING);
    await later(WARNING + LEEWAY - 1000);
    expect(socket.closed).toBeNull();
    await later(1000);
    expect(socket.closed).toEqual({ code: 4401, reason: 'authorization expired' });
    expect(edge.authorizations.size).toBe(0);
  });

  it('stays when its client is registered again with a newer token, and is warned again', async () => {
    const { redis, edge, later } = start();
    redis.register('a', [], tokenUntil(NOW + MINUTE));
    const { socket } = await edge.connected('a');
    await later(WARNING);
    redis.change('a', (client) => {
      client.identity = { ...client.identity, ...tokenUntil(NOW + 10 * MINUTE) };
    });
    await edge.settled();
    await later(8 * MINUTE);
    expect(socket.closed).toBeNull();
    expect(socket.of('expiring')).toHaveLength(1);
    await later(MINUTE);
    expect(socket.of('expiring')).toHaveLength(2);
    await later(MINUTE);
    expect(socket.closed?.code).toBe(4401);
  });

  it('is closed as soon as its token is revoked, also before its resume frame came', async () => {
    const { redis, edge } = start();
    for (const id of ['a', 'b']) redis.register(id, [], tokenUntil(NOW + MINUTE));
    const { socket } = await edge.connected('a');
    const { socket: resuming } = await edge.connected('b', { resume: true });
    for (const id of ['a', 'b']) {
      redis.change(id, (client) => {
        client.identity = { ...client.identity, ...tokenUntil(1) };
      });
    }
    await edge.settled();
    expect(socket.closed?.code).toBe(4401);
    expect(resuming.closed?.code).toBe(4401);
  });

  it('is closed in slices where thousands are revoked at a time', async () => {
    const { redis, edge } = start();
    const ids = Array.from({ length: 2000 }, (_, index) => `c${index}`);
    for (const id of ids) redis.register(id, [], tokenUntil(NOW + MINUTE));
    const sockets = await Promise.all(ids.map(async (id) => (await edge.connect(id))?.socket));
    await edge.settled();
    const run = vi.spyOn(edge.slicer, 'run');
    for (const id of ids) {
      redis.change(id, (client) => {
        client.identity = { ...client.identity, ...tokenUntil(1) };
      });
    }
    while (!sockets.every((socket) => socket?.closed?.code === 4401)) await turns(1);
    expect(run.mock.calls.length).toBeGreaterThanOrEqual(ids.length);
  });

  it('is in no schedule any more when it has ended', async () => {
    const { redis, edge } = start();
    redis.register('a', [], tokenUntil(NOW + MINUTE));
    const { connection } = await edge.connected('a');
    expect(edge.authorizations.size).toBe(1);
    edge.edge.hub.onClosed(connection);
    expect(edge.authorizations.size).toBe(0);
  });
});

describe('a client without a token', () => {
  it('costs nothing: no schedule, no field, no object', async () => {
    const { redis, edge } = start();
    redis.register('a');
    const { socket, connection } = await edge.connected('a');
    expect(edge.authorizations.size).toBe(0);
    expect(connection.identity).toBeNull();
    expect(socket.of('welcome')[0]).not.toHaveProperty('expiresInMs');
  });
});

describe('an authorization', () => {
  it.each([
    ['has ended 30 s after its end', tokenUntil(NOW - LEEWAY), 'token-expired'],
    ['has not ended a moment before', tokenUntil(NOW - LEEWAY + 1), null],
    ['was revoked when it ends before it began', tokenUntil(1), 'token-revoked'],
    ['has no end without a token', { token: null }, null],
  ])('%s', (_, identity, fault) => {
    expect(authorizationFault({ ...NO_IDENTITY, ...identity }, NOW)).toBe(fault);
  });
});
