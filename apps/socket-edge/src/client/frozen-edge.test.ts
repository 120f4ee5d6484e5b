import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const CLIENT = 'c1';
const OTHER = 'c2';
/** Longer than what is known of changes may be old. */
const FROZEN_MS = 5000;
/** So many messages may wait in the process. */
const MAX_WAITING = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An edge with two connections that has stood still: it knows of nothing that changed meanwhile. */
async function frozen(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  redis.register(OTHER, topics);
  const edge = memoryEdge(redis);
  const [{ socket, connection }, other] = [await edge.connected(CLIENT), await edge.connected(OTHER)];
  const ids = topics.map((topic) => redis.publish(topic, '1'));
  await edge.settled();
  /** The changes wait in its dirty set; its answer to the look there is held back. */
  const thaw = redis.hold('readPending');
  vi.advanceTimersByTime(FROZEN_MS);
  return { redis, edge, socket, connection, other, ids, thaw };
}

describe('an edge that has stood still', () => {
  it('sends what was published after an Unsubscribe to all but the connections that have left', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.unsubscribe(CLIENT, 'news');
    const late = redis.publish('news', '2');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(other.socket.idsOf('news')).toEqual(ids);
    thaw();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(socket.of('unsubscribed')).toHaveLength(1);
    expect(other.socket.idsOf('news')).toEqual([...ids, late]);
  });

  it('sends nothing to a client that was unregistered', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.unregister(CLIENT);
    const late = redis.publish('news', '2');
    await edge.settled();
    thaw();
    await edge.settled();
    expect(socket.closed).toMatchObject({ code: 4410 });
    expect(socket.idsOf('news')).toEqual(ids);
    expect(other.socket.idsOf('news')).toEqual([...ids, late]);
  });

  it('waits as well with what it has to read from the log', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.unsubscribe(CLIENT, 'news');
    const missed = redis.publish('news', '2', { live: false });
    const late = redis.publish('news', '3');
    await edge.settled();
    expect(redis.calls).toContain('readLog');
    expect(other.socket.idsOf('news')).toEqual(ids);
    thaw();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(other.socket.idsOf('news')).toEqual([...ids, missed, late]);
  });

  it('waits as well with what a connection that was behind lacks: from the ring, and from the log', async () => {
    for (const inLog of [false, true]) {
      const redis = new MemoryRedis();
      redis.register(CLIENT, ['news']);
      redis.register(OTHER, ['news']);
      const edge = memoryEdge(redis);
      const [{ socket, connection }, quick] = [await edge.connected(CLIENT), await edge.connected(OTHER)];
      socket.stopped = true;
      const ids: string[] = [];
      // As few as stand in the ring, or more than it holds.
      for (let count = 0; count < (inLog ? 300 : 5); count += 1) {
        ids.push(redis.publish('news', `"${'x'.repeat(30_000)}"`));
        await turns(2);
      }
      await edge.settled();
      expect(quick.socket.idsOf('news')).toEqual(ids);
      const had = socket.idsOf('news').length;
      expect(had).toBeLessThan(ids.length);

      const thaw = redis.hold('readPending');
      vi.advanceTimersByTime(FROZEN_MS);
      redis.unsubscribe(CLIENT, 'news');
      socket.resume();
      edge.hub.onDrain(connection);
      await edge.settled();
      expect(socket.idsOf('news')).toHaveLength(had);
      thaw();
      for (let round = 0; round < 10; round += 1) await edge.settled();
      // What it was owed by the end of the subscription comes from the log.
      expect(socket.idsOf('news')).toEqual(ids);
      redis.publish('news', '"after"');
      await edge.settled();
      expect(socket.idsOf('news')).toEqual(ids);
    }
  });

  it('gives what was published before the topic ended to those that have it, before the end', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.unsubscribe(CLIENT, 'news');
    redis.client(CLIENT).closed.clear();
    const late = redis.publish('news', '2');
    redis.deleteTopic('news');
    await edge.settled();
    expect(other.socket.idsOf('news')).toEqual(ids);
    expect(other.socket.of('unsubscribed')).toEqual([]);
    thaw();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(socket.of('unsubscribed')).toHaveLength(1);
    expect(other.socket.frames.slice(-2)).toEqual([
      { type: 'message', topic: 'news', id: late, data: 2 },
      { type: 'unsubscribed', topic: 'news', reason: 'topic-deleted' },
    ]);
  });

  it('announces what the log has no more after what it had received, and goes on', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.unsubscribe(CLIENT, 'news');
    const received = redis.publish('news', '2');
    const gone = ['3', '4'].map((data) => redis.publish('news', data, { live: false }));
    redis.topic('news').trim(0);
    const late = redis.publish('news', '5');
    await edge.settled();
    expect(other.socket.idsOf('news')).toEqual(ids);
    expect(other.socket.of('lost')).toEqual([]);
    thaw();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(other.socket.frames.slice(-3)).toEqual([
      { type: 'message', topic: 'news', id: received, data: 2 },
      { type: 'lost', topic: 'news', after: received, position: gone[1] },
      { type: 'message', topic: 'news', id: late, data: 5 },
    ]);
  });

  it('keeps no more than so many messages: the others stay in the log, and all arrive in order', async () => {
    const { redis, edge, other, ids, thaw } = await frozen('news');
    redis.topic('news').history.size = 4 * MAX_WAITING;
    const reads = redis.calls.filter((call) => call === 'readLog').length;
    for (let count = 0; count < 3 * MAX_WAITING; count += 1) {
      ids.push(redis.publish('news', String(count)));
      if (count % 500 === 0) await turns(3);
    }
    await edge.settled();
    expect(other.socket.idsOf('news')).toHaveLength(1);
    thaw();
    for (let round = 0; round < 10; round += 1) await edge.settled();
    expect(other.socket.idsOf('news')).toEqual(ids);
    expect(other.socket.of('lost')).toEqual([]);
    expect(redis.calls.filter((call) => call === 'readLog').length).toBeGreaterThan(reads);
  });

  it.each(['a closed range', 'nothing'])(
    'sends nothing to a client that could not be read, and when it could, nothing from after its Unsubscribe (%s)',
    async (left) => {
      const { redis, edge, socket, other, ids, thaw } = await frozen('news');
      redis.clientsAway.add(CLIENT);
      redis.unsubscribe(CLIENT, 'news');
      if (left === 'nothing') redis.client(CLIENT).closed.clear();
      redis.publish('news', '2');
      thaw();
      await edge.settled();
      expect(socket.idsOf('news')).toEqual(ids);
      expect(other.socket.idsOf('news')).toHaveLength(2);
      redis.clientsAway.clear();
      await edge.beat();
      await edge.settled();
      expect(socket.of('unsubscribed')).toHaveLength(1);
      expect(socket.idsOf('news')).toEqual(ids);
    },
  );

  it('sends nothing from after an Unsubscribe to a connection that was being attached', async () => {
    const { redis, edge, other, ids, thaw } = await frozen('news');
    thaw();
    redis.register('c3', ['news']);
    const begin = redis.topic('news').last;
    ids.push(redis.publish('news', '2'));
    const { socket, connection } = await edge.connected('c3', { resume: true });
    const goOn = redis.hold('readLog');
    await edge.resume(connection, { news: begin });
    redis.unsubscribe('c3', 'news');
    await edge.settled();
    redis.publish('news', '"after"');
    await edge.settled();
    expect(other.socket.idsOf('news')).toHaveLength(3);
    expect(socket.frames).toEqual([]);
    goOn();
    await edge.settled();
    expect(connection.subscriptions.size).toBe(0);
    expect(socket.idsOf('news').filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('sends nothing before everybody was compared, when wake-ups may have been lost, also in the middle of a read', async () => {
    const { redis, edge, socket, other, ids, thaw } = await frozen('news');
    redis.notifiesNobody = true;
    redis.unsubscribe(CLIENT, 'news');
    redis.client(CLIENT).closed.clear();
    redis.notifiesNobody = false;
    const goOn = redis.hold('claim');
    thaw();
    redis.notify('edge-a', OTHER);
    await edge.settled();
    vi.advanceTimersByTime(1);
    edge.compareEverything();
    redis.publish('news', '2');
    goOn();
    await edge.settled();
    expect(other.socket.idsOf('news')).toHaveLength(2);
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('works off more changes than one look gives before it sends', async () => {
    const redis = new MemoryRedis();
    const edge = memoryEdge(redis);
    const clients = Array.from({ length: 1200 }, (_, index) => `c${index}`);
    for (const id of clients) redis.register(id, ['news']);
    for (const id of clients) await edge.connect(id);
    await edge.settled();
    vi.advanceTimersByTime(FROZEN_MS);
    redis.notifiesNobody = true;
    for (const id of clients) redis.unsubscribe(id, 'news');
    redis.notifiesNobody = false;
    for (const id of clients) redis.dirty.set('edge-a', (redis.dirty.get('edge-a') ?? new Set()).add(id));
    redis.publish('news', '"late"');
    await edge.settled();
    expect(edge.counters.deliveries).toBe(0);
    expect(clients.filter((id) => edge.registry.get(id)?.subscriptions.has('news'))).toEqual([]);
  });

  it('sends at once as long as it knows what has changed', async () => {
    const { redis, edge, other, ids, thaw } = await frozen('news');
    thaw();
    redis.notify('edge-a', 'somebody-else');
    await edge.settled();
    redis.hold('readPending');
    vi.advanceTimersByTime(800);
    const id = redis.publish('news', '2');
    await edge.settled();
    expect(other.socket.idsOf('news')).toEqual([...ids, id]);
  });
});
