import { closeCodes } from '@holdfast/protocol/close-codes';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';

/** In so long everybody has been compared. */
const WALK_MS = 25_000;
const BEAT_MS = 1000;
/** A client whose turn has just been may have to wait for the whole round. */
const BEATS = WALK_MS / BEAT_MS + 1;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function edgeWith(clients: number) {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  const ids = Array.from({ length: clients }, (_, index) => `c${index}`);
  for (const id of ids) redis.register(id);
  const made = new Map(await Promise.all(ids.map(async (id) => [id, await edge.connected(id)] as const)));
  await edge.beat();

  async function beat(): Promise<void> {
    vi.advanceTimersByTime(BEAT_MS);
    await edge.beat();
  }
  return {
    redis,
    edge,
    ids,
    socketOf: (id: string) => made.get(id)?.socket,
    beat,
    round: async (): Promise<void> => {
      for (let count = 0; count < BEATS; count += 1) await beat();
      await edge.settled();
    },
  };
}

/** Claims that the edge has made so far. */
const claims = (redis: MemoryRedis) => redis.calls.filter((call) => call === 'claim').length;

describe('the walk', () => {
  it('compares everybody within 25 seconds, spread evenly, and changes nothing where nothing differs', async () => {
    const { redis, edge, ids, beat } = await edgeWith(100);
    const before = claims(redis);
    for (let count = 0; count < WALK_MS / BEAT_MS; count += 1) {
      const start = claims(redis);
      await beat();
      expect(claims(redis) - start).toBe(ids.length / (WALK_MS / BEAT_MS));
    }
    expect(claims(redis) - before).toBe(100);
    expect(edge.counters.driftFound).toBe(0);
    for (const id of ids) expect(edge.registry.get(id)?.suspended).toBe(false);
  });

  it('finds changes that were never notified, of everybody, whoever comes and goes meanwhile, and counts them', async () => {
    const { redis, edge, ids, beat } = await edgeWith(60);
    redis.topic('news');
    for (const id of ids) redis.client(id).topics.set('news', redis.startOf('news'));
    for (let count = 0; count < BEATS; count += 1) {
      await beat();
      const leaving = ids[count];
      const connection = leaving === undefined ? undefined : edge.registry.get(leaving);
      if (connection) edge.hub.onClosed(connection);
      for (const name of ['x', 'y']) {
        redis.register(`${name}${count}`);
        await edge.connect(`${name}${count}`);
      }
    }
    await edge.settled();
    const staying = ids.slice(BEATS);
    expect(staying.length).toBeGreaterThan(30);
    for (const id of staying) expect(edge.registry.get(id)?.subscriptions.topics()).toEqual(['news']);
    expect(edge.counters.driftFound).toBeGreaterThanOrEqual(staying.length);
  });

  it('claims again what Redis has forgotten: no owner, or an older one', async () => {
    const { redis, edge, socketOf, round } = await edgeWith(3);
    const generation = edge.registry.get('c1')?.generation ?? 0;
    redis.client('c0').owner = null;
    redis.rollBack('c1', { edge: 'edge-b', generation: generation - 1 });
    redis.rollBack('c2', { edge: 'edge-a', generation: 0 });
    await round();
    for (const id of ['c0', 'c1', 'c2']) {
      expect(socketOf(id)?.closed).toBeNull();
      expect(redis.client(id).owner).toEqual({ edge: 'edge-a', generation: edge.registry.get(id)?.generation });
    }
    // An edge that may still hold an older connection is notified of changes too.
    expect(redis.client('c1').notify).toEqual(['edge-a', 'edge-b']);
    expect([...(redis.dirty.get('edge-b') ?? [])]).toEqual(['c1']);
    redis.subscribe('c1', 'news');
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(socketOf('c1')?.idsOf('news')).toEqual([id]);
  });

  it('claims with a higher generation what was released after a newer claim: Redis names no owner', async () => {
    const { redis, edge, socketOf, round } = await edgeWith(1);
    const newer = redis.own('c0', 'edge-b');
    redis.client('c0').owner = null;
    await round();
    expect(socketOf('c0')?.closed).toBeNull();
    const generation = edge.registry.get('c0')?.generation ?? 0;
    expect(generation).toBeGreaterThan(newer);
    expect(redis.client('c0').owner).toEqual({ edge: 'edge-a', generation });
  });

  it('closes a connection whose client a newer one owns', async () => {
    const { redis, socketOf, round } = await edgeWith(2);
    redis.own('c0', 'edge-b');
    await round();
    expect(socketOf('c0')?.closed).toEqual({ code: 4409, reason: closeCodes.replaced.reason });
    expect(socketOf('c1')?.closed).toBeNull();
  });

  it('gets back a client that this edge owns by a connection that there is not, as after a claim with a lost answer', async () => {
    const { redis, edge, socketOf, round } = await edgeWith(1);
    const lost = redis.own('c0', 'edge-a');
    await round();
    expect(socketOf('c0')?.closed).toBeNull();
    const generation = edge.registry.get('c0')?.generation ?? 0;
    expect(generation).toBeGreaterThan(lost);
    expect(redis.client('c0').owner).toEqual({ edge: 'edge-a', generation });
  });

  it('closes a connection whose client is not registered, or anew by another registration', async () => {
    const { redis, socketOf, round } = await edgeWith(3);
    redis.clients.delete('c0');
    redis.clients.delete('c1');
    redis.register('c1');
    await round();
    for (const id of ['c0', 'c1']) expect(socketOf(id)?.closed).toMatchObject({ code: closeCodes.unregistered.code });
    expect(socketOf('c2')?.closed).toBeNull();
    expect(redis.client('c1').owner).toBeNull();
  });

  it('closes a connection that was to be disconnected, though it was never notified', async () => {
    const { redis, socketOf, round } = await edgeWith(2);
    redis.client('c0').disconnectUpTo = redis.client('c0').owner?.generation ?? 0;
    await round();
    expect(socketOf('c0')?.closed).toMatchObject({ code: closeCodes.disconnected.code });
    expect(socketOf('c1')?.closed).toBeNull();
  });

  it('delivers own messages that were never notified', async () => {
    const { redis, socketOf, round } = await edgeWith(1);
    const entry = redis.ownLogs.get('c0')?.append(Buffer.from('1'));
    redis.client('c0').ownPosition = entry?.id ?? '';
    await round();
    expect(socketOf('c0')?.idsOf('@me')).toEqual([entry?.id]);
  });

  it('counts no drift of a connection that has ended before the answer', async () => {
    const { redis, edge, ids } = await edgeWith(1);
    const [id = ''] = ids;
    redis.client(id).topics.set('news', redis.startOf('news'));
    redis.own(id, 'edge-b');
    const answer = redis.hold('claim');
    vi.advanceTimersByTime(WALK_MS);
    const beat = edge.beat();
    await edge.settled();
    const connection = edge.registry.get(id);
    if (connection) edge.hub.onClosed(connection);
    answer();
    await beat;
    expect(edge.counters.driftFound).toBe(0);
  });

  it('goes on after Redis was away', async () => {
    const { redis, ids, edge, beat, round } = await edgeWith(10);
    redis.topic('news');
    for (const id of ids) redis.client(id).topics.set('news', redis.startOf('news'));
    redis.away = true;
    for (let count = 0; count < 5; count += 1) await beat();
    redis.away = false;
    await round();
    for (const id of ids) expect(edge.registry.get(id)?.subscriptions.topics()).toEqual(['news']);
  });
});

describe("an operator's disconnect", () => {
  it('closes exactly the connections up to its generation, and nothing that comes later', async () => {
    const { redis, edge, socketOf } = await edgeWith(1);
    redis.disconnect('c0');
    await edge.settled();
    expect(socketOf('c0')?.closed).toMatchObject({ code: closeCodes.disconnected.code });
    const next = await edge.connected('c0');
    await edge.beat();
    await edge.settled();
    expect(next.socket.closed).toBeNull();
    redis.disconnect('c0');
    await edge.settled();
    expect(next.socket.closed).toMatchObject({ code: closeCodes.disconnected.code });
  });

  it('closes the present connection, not the one that is being opened in its place', async () => {
    const { redis, edge, socketOf } = await edgeWith(1);
    const claim = await edge.hub.claim('c0');
    redis.disconnect('c0');
    await edge.settled();
    expect(socketOf('c0')?.closed).toMatchObject({ code: closeCodes.disconnected.code });
    const newer = claim && (await edge.opened(claim));
    expect(newer?.socket.closed).toBeNull();
    expect(newer?.socket.of('welcome')).toHaveLength(1);
  });

  it('reaches a connection that was claimed and is not open yet', async () => {
    const redis = new MemoryRedis();
    redis.register('c0');
    const edge = memoryEdge(redis);
    const claim = await edge.hub.claim('c0');
    redis.disconnect('c0');
    const made = claim && (await edge.opened(claim));
    expect(made?.socket.closed).toMatchObject({ code: closeCodes.disconnected.code });
  });

  it('reaches an older connection that the other edge still holds', async () => {
    const { redis, edge, socketOf } = await edgeWith(1);
    const other = memoryEdge(redis, 'edge-b');
    // The take-over is through, and the edge of the older connection does not know it yet.
    redis.own('c0', 'edge-b');
    redis.disconnect('c0');
    await edge.settled();
    await other.settled();
    expect(socketOf('c0')?.closed).not.toBeNull();
  });
});
