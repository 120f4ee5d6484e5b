import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { app, pusherEdge, until } from '../testing/pusher-edge.ts';

const ESTABLISHED = 'pusher:connection_established';
const HELD_MS = 8500;

afterEach(() => {
  vi.useRealTimers();
});

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
}

describe('connection_established', () => {
  it('is held back until the edge has its lease, and nothing is answered before it', async () => {
    fakeTime();
    const edge = pusherEdge(new MemoryRedis());
    const client = edge.connect();
    client.send({ event: 'pusher:ping', data: {} });
    client.send('no frame at all');
    await edge.settled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(client.frames()).toEqual([]);
    await edge.beat();
    await vi.advanceTimersByTimeAsync(200);
    expect(client.of(ESTABLISHED)).toHaveLength(1);
  });

  it('is held back until Redis says what the app is, and asked for once for all', async () => {
    fakeTime();
    const redis = new MemoryRedis();
    const edge = pusherEdge(redis);
    await edge.beat();
    redis.away = true;
    const clients = [edge.connect(), edge.connect(), edge.connect()];
    await edge.settled();
    await vi.advanceTimersByTimeAsync(3000);
    expect(clients.flatMap((client) => client.frames())).toEqual([]);
    redis.away = false;
    redis.calls.length = 0;
    await vi.advanceTimersByTimeAsync(1000);
    await edge.settled();
    expect(clients.map((client) => client.of(ESTABLISHED).length)).toEqual([1, 1, 1]);
    expect(redis.calls.filter((call) => call === 'readApp')).toHaveLength(1);
    expect(edge.door.held).toBe(0);
  });

  it('is held back for a place, which goes to the first that came', async () => {
    fakeTime();
    const edge = pusherEdge(new MemoryRedis(), '00000000000a', { maxConnections: 1 });
    const first = await (async () => {
      await edge.beat();
      const client = edge.connect();
      await edge.settled();
      return client;
    })();
    expect(first.of(ESTABLISHED)).toHaveLength(1);
    const [second, third] = [edge.connect(), edge.connect()];
    await vi.advanceTimersByTimeAsync(1000);
    expect([second.frames(), third.frames()]).toEqual([[], []]);
    edge.door.onClosed(first.connection);
    await vi.advanceTimersByTimeAsync(1000);
    expect([second.of(ESTABLISHED).length, third.of(ESTABLISHED).length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(HELD_MS);
    expect(third.of('pusher:error')).toEqual([{ code: 4100, message: expect.stringContaining('room') }]);
    expect(third.socket.closed).toMatchObject({ code: 4100 });
  });

  it('does not come within nine seconds: the client is sent to come again', async () => {
    fakeTime();
    const edge = pusherEdge(new MemoryRedis());
    const client = edge.connect();
    await vi.advanceTimersByTimeAsync(HELD_MS - 200);
    expect(client.socket.closed).toBeNull();
    await vi.advanceTimersByTimeAsync(400);
    expect(client.of('pusher:error')).toMatchObject([{ code: 4100 }]);
    expect(client.socket.closed).toMatchObject({ code: 4100 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is held back for thousands of keys without a look at all of them for each', async () => {
    const redis = new MemoryRedis();
    const edge = pusherEdge(redis);
    await edge.beat();
    const goOn = redis.hold('readApp');
    const clients = Array.from({ length: 1000 }, (_, index) => edge.connect({ ok: true, key: `none-${index}` }));
    await edge.settled();
    let looks = 0;
    for (const { connection } of clients) {
      let phase = connection.phase;
      Object.defineProperty(connection, 'phase', {
        get: () => ((looks += 1), phase),
        set: (next: typeof phase) => {
          phase = next;
        },
      });
    }
    goOn();
    await until(() => edge.door.held === 0);
    expect(clients.every(({ socket }) => socket.closed?.code === 4001)).toBe(true);
    expect(looks).toBeLessThan(50 * clients.length);
  });

  it('never comes where Redis has no apps, and the edge never knew one', async () => {
    const redis = new MemoryRedis();
    const edge = pusherEdge(redis);
    redis.channels.apps.clear();
    await edge.beat();
    const client = edge.connect();
    await edge.settled();
    expect(client.of('pusher:error')).toMatchObject([{ code: 4100, message: expect.stringMatching(/no app/i) }]);
  });

  it('comes when a Redis that lost its apps is given them again', async () => {
    fakeTime();
    const redis = new MemoryRedis();
    const edge = pusherEdge(redis);
    await edge.beat();
    edge.connect();
    await edge.settled();
    redis.channels.apps.clear();
    const other = edge.connect({ ok: true, key: 'other' });
    await edge.settled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(other.frames()).toEqual([]);
    redis.channels.apps.set('other', { ...app, key: 'other' });
    await vi.advanceTimersByTimeAsync(1000);
    await edge.settled();
    expect(other.of(ESTABLISHED)).toHaveLength(1);
  });

  it('is not waited for while the edge drains', async () => {
    const edge = pusherEdge(new MemoryRedis());
    const established = await edge.connected();
    void edge.edge.leave(0);
    const late = edge.connect();
    expect(late.of('pusher:error')).toMatchObject([{ code: 4100 }]);
    await edge.settled();
    // Only here, for it brings the client back at once.
    expect(established.socket.closed).toMatchObject({ code: 4200 });
    edge.door.onClosed(established.connection);
  });
});

it('a client that is gone waits for nothing', async () => {
  fakeTime();
  const edge = pusherEdge(new MemoryRedis());
  const client = edge.connect();
  expect(edge.door.held).toBe(1);
  edge.door.onClosed(client.connection);
  expect(edge.door.held).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

it('connections of an app that is taken away end for ever', async () => {
  fakeTime();
  const redis = new MemoryRedis();
  redis.channels.apps.set('other', { ...app, key: 'other' });
  redis.channels.apps.set(app.key, app);
  const edge = pusherEdge(redis);
  await edge.beat();
  const [mine, theirs] = [edge.connect(), edge.connect({ ok: true, key: 'other' })];
  const others = Array.from({ length: 80 }, () => edge.connect());
  const open = () => others.filter(({ socket }) => socket.closed === null).length;
  await edge.settled();
  redis.channels.apps.delete(app.key);
  let atOnce = 0;
  for (let seconds = 0; seconds < 30; seconds += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    const before = open();
    await edge.beat();
    atOnce = Math.max(atOnce, before - open());
  }
  // One after the other.
  expect(atOnce).toBeLessThan(10);
  expect(open()).toBe(0);
  expect(mine.socket.closed).toMatchObject({ code: 4003 });
  expect(theirs.socket.closed).toBeNull();
});
