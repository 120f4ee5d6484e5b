import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const CLIENT = 'c1';

async function connected() {
  const redis = new MemoryRedis();
  redis.register(CLIENT);
  const edge = memoryEdge(redis);
  return { redis, edge, ...(await edge.connected(CLIENT)) };
}

const reads = (redis: MemoryRedis) => redis.calls.filter((call) => call === 'readClientLog').length;

/** Until the edge has asked for the client's log once more. */
async function nextRead(redis: MemoryRedis): Promise<void> {
  const before = reads(redis);
  while (reads(redis) === before) await turns(1);
}

describe('an inbox', () => {
  it('counts what it sends, in messages and in bytes', async () => {
    const { redis, edge, socket } = await connected();
    redis.publishToClient(CLIENT, '1');
    redis.publishToClient(CLIENT, '"two"');
    await edge.settled();
    const bytes = socket.writes.slice(1).reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(0);
    expect(edge.counters).toMatchObject({ deliveries: 2, deliveredBytes: bytes });
  });

  it('misses no wake-up that comes during a read', async () => {
    const { redis, edge, socket } = await connected();
    const answer = redis.hold('readClientLog');
    const ids = [redis.publishToClient(CLIENT, '1')];
    await nextRead(redis);
    // The answer that is on its way knows nothing of this one.
    ids.push(redis.publishToClient(CLIENT, '2'));
    await edge.settled();
    expect(reads(redis)).toBe(1);
    answer();
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual(ids);
  });

  it('is read again after a read that failed, and comes once and in order', async () => {
    const { redis, edge, socket } = await connected();
    redis.failing.add('readClientLog');
    const ids = ['1', '2'].map((data) => redis.publishToClient(CLIENT, data));
    await edge.settled();
    redis.failing.clear();
    expect(socket.idsOf('@me')).toEqual([]);
    await edge.beat();
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual(ids);
  });

  it('goes on page by page, with what is published meanwhile', async () => {
    const { redis, edge, socket } = await connected();
    const answer = redis.hold('readClientLog');
    const ids = Array.from({ length: 200 }, (_, index) => redis.publishToClient(CLIENT, String(index)));
    await nextRead(redis);
    ids.push(...Array.from({ length: 200 }, (_, index) => redis.publishToClient(CLIENT, String(index))));
    answer();
    await edge.settled();
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual(ids);
  });

  it('announces what its log has no more, and goes on behind it', async () => {
    const { redis, edge, socket } = await connected();
    redis.notifiesNobody = true;
    const gone = ['1', '2'].map((data) => redis.publishToClient(CLIENT, data));
    redis.ownLogs.get(CLIENT)?.trim(0);
    redis.notifiesNobody = false;
    const id = redis.publishToClient(CLIENT, '3');
    await edge.settled();
    expect(socket.of('lost')).toEqual([{ type: 'lost', topic: '@me', after: '1000-0', position: gone[1] }]);
    expect(socket.idsOf('@me')).toEqual([id]);
    expect(edge.counters.lostAnnounced).toBe(1);
  });

  it('does not ask without end when the log ends before where the connection stands', async () => {
    const { redis, edge, socket } = await connected();
    const [first = ''] = ['1', '2', '3'].map((data) => redis.publishToClient(CLIENT, data));
    await edge.settled();
    redis.ownLogs.get(CLIENT)?.forget(2);
    redis.client(CLIENT).ownPosition = first;
    const before = reads(redis);
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    expect(reads(redis) - before).toBeLessThan(5);
    expect(socket.of('lost')).toEqual([{ type: 'lost', topic: '@me', after: expect.any(String), position: first }]);
    const next = redis.publishToClient(CLIENT, '4');
    await edge.settled();
    expect(socket.idsOf('@me').at(-1)).toBe(next);
  });

  it('gives nothing of a later registration of the same id to the connection of an earlier one', async () => {
    const { redis, edge, socket, connection } = await connected();
    redis.notifiesNobody = true;
    redis.unregister(CLIENT);
    redis.register(CLIENT);
    redis.publishToClient(CLIENT, '"of the new one"');
    redis.notifiesNobody = false;
    // It looks into the log before it knows.
    edge.hub.onDrain(connection);
    await edge.settled();
    expect(reads(redis)).toBe(1);
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual([]);
    expect(socket.closed).toMatchObject({ code: 4410 });
  });
});
