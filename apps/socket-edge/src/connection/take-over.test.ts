import { closeCodes } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';

const CLIENT = 'c1';

/** Two edges, of which the first one has the client. */
async function twoEdges(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  const edge = memoryEdge(redis, 'edge-a');
  const other = memoryEdge(redis, 'edge-b');
  const older = await edge.connected(CLIENT);
  return { redis, edge, other, older };
}

const REPLACED = { code: closeCodes.replaced.code };

describe('a claim of a client that has an owner', () => {
  it.each(['edge-a', 'edge-b'])('changes nothing until its connection is open, at %s', async (at) => {
    const { redis, edge, other, older } = await twoEdges('news');
    const late = at === 'edge-a' ? edge : other;
    const owner = redis.client(CLIENT).owner;
    const claim = await late.hub.claim(CLIENT);
    expect(claim).toMatchObject({ isOwner: false });
    expect(claim?.generation).toBeGreaterThan(owner?.generation ?? 0);
    expect(redis.client(CLIENT).owner).toEqual(owner);
    await edge.beat();
    redis.subscribe(CLIENT, 'sport');
    const ids = [redis.publish('news', '1'), redis.publish('sport', '2')];
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    expect([...older.socket.idsOf('news'), ...older.socket.idsOf('sport')]).toEqual(ids);

    const newer = claim && (await late.opened(claim));
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: at, generation: claim?.generation });
    expect(older.socket.closed).toMatchObject(REPLACED);
    expect(newer?.socket.closed).toBeNull();
  });

  it.each(['edge-a', 'edge-b'])(
    'that comes to nothing leaves the older connection, which follows, at %s',
    async (at) => {
      const { redis, edge, other, older } = await twoEdges();
      const late = at === 'edge-a' ? edge : other;
      const owner = redis.client(CLIENT).owner;
      const claim = await late.hub.claim(CLIENT);
      if (claim) claim.abandon();
      await late.settled();
      expect(redis.client(CLIENT).owner).toEqual(owner);
      expect(redis.client(CLIENT).notify).toEqual(['edge-a']);
      redis.subscribe(CLIENT, 'news');
      const id = redis.publish('news', '1');
      await edge.settled();
      await edge.beat();
      await edge.settled();
      expect(older.socket.closed).toBeNull();
      expect(older.socket.idsOf('news')).toEqual([id]);
    },
  );

  it.each(['edge-a', 'edge-b'])('whose answer is lost leaves it as well, at %s', async (at) => {
    const { redis, edge, other, older } = await twoEdges();
    const late = at === 'edge-a' ? edge : other;
    const owner = redis.client(CLIENT).owner;
    redis.answersLost.add('claim');
    await expect(late.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
    redis.answersLost.clear();
    await late.settled();
    await late.beat();
    await late.settled();
    expect(redis.client(CLIENT).owner).toEqual(owner);
    redis.subscribe(CLIENT, 'news');
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    expect(older.socket.idsOf('news')).toEqual([id]);
  });
});

describe('a claim of a client without an owner', () => {
  it('whose answer is lost leaves no owner behind, though Redis is away for a while after it', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT);
    const edge = memoryEdge(redis);
    redis.answersLost.add('claim');
    const claiming = edge.hub.claim(CLIENT);
    await Promise.resolve();
    redis.away = true;
    await expect(claiming).rejects.toThrow('Redis does not answer');
    await edge.settled();
    expect(redis.client(CLIENT).owner).toMatchObject({ edge: 'edge-a' });
    redis.away = false;
    redis.answersLost.clear();
    await edge.beat();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();
  });

  it('whose answer is lost takes nothing from the handshake that follows it', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT);
    const edge = memoryEdge(redis);
    redis.answersLost.add('claim');
    await expect(edge.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
    redis.answersLost.clear();
    const { socket, connection } = await edge.connected(CLIENT);
    await edge.beat();
    await edge.settled();
    expect(socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: connection.generation });
    redis.subscribe(CLIENT, 'news');
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([id]);
  });

  it('that is given up ends the ownership, and takes nothing from a newer one', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT);
    const [edge, other] = [memoryEdge(redis, 'edge-a'), memoryEdge(redis, 'edge-b')];
    const claim = await edge.hub.claim(CLIENT);
    const newer = await other.connected(CLIENT);
    if (claim) claim.abandon();
    await edge.settled();
    await other.settled();
    expect(newer.socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-b', generation: newer.connection.generation });
  });
});

describe('a take-over', () => {
  it('that fails is repeated, and the connection gets its messages after it', async () => {
    const { redis, edge, other, older } = await twoEdges('news');
    const claim = await other.hub.claim(CLIENT);
    // It knows what has changed, and may send.
    await other.beat();
    redis.clientsAway.add(CLIENT);
    const newer = claim && (await other.opened(claim));
    const ids = [redis.publish('news', '1')];
    const own = redis.publishToClient(CLIENT, '2');
    await other.settled();
    // It is welcomed, and what it does not own yet is not sent to it.
    expect(newer?.socket.of('welcome')).toHaveLength(1);
    expect(newer?.socket.of('message')).toEqual([]);
    expect(older.socket.closed).toBeNull();
    redis.clientsAway.clear();
    // The next look, whatever the reason; not only the walk.
    redis.notify('edge-b', 'somebody-else');
    await other.settled();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-b', generation: claim?.generation });
    expect(older.socket.closed).toMatchObject(REPLACED);
    ids.push(redis.publish('news', '3'));
    await other.settled();
    expect(newer?.socket.idsOf('news')).toEqual(ids);
    expect(newer?.socket.idsOf('@me')).toEqual([own]);
    expect(newer?.socket.of('lost')).toEqual([]);
  });

  it('is through before anything is sent, and misses nothing of the time until then', async () => {
    const { redis, edge, other, older } = await twoEdges('news');
    const claim = await other.hub.claim(CLIENT);
    await other.beat();
    const answer = redis.hold('claim');
    const newer = claim && (await other.opened(claim));
    const [id, own] = [redis.publish('news', '1'), redis.publishToClient(CLIENT, '2')];
    await other.settled();
    expect(newer?.socket.of('message')).toEqual([]);
    answer();
    await other.settled();
    await edge.settled();
    expect(newer?.socket.idsOf('news')).toEqual([id]);
    expect(newer?.socket.idsOf('@me')).toEqual([own]);
    expect(older.socket.closed).toMatchObject(REPLACED);
  });

  it('whose answer is lost is found to have come about, and the connection gets its messages', async () => {
    const { redis, edge, other, older } = await twoEdges('news');
    const claim = await other.hub.claim(CLIENT);
    redis.answersLost.add('claim');
    const newer = claim && (await other.opened(claim));
    const ids = [redis.publish('news', '1')];
    redis.answersLost.clear();
    await other.beat();
    await other.settled();
    // It is notified: its own walk is not needed.
    await edge.settled();
    ids.push(redis.publish('news', '2'));
    await other.settled();
    expect(older.socket.closed).toMatchObject(REPLACED);
    expect(newer?.socket.closed).toBeNull();
    expect(newer?.socket.idsOf('news')).toEqual(ids);
  });

  it('that is answered after the resume frame is no change of what the connection serves', async () => {
    const { redis, other } = await twoEdges('news');
    const claim = await other.hub.claim(CLIENT);
    const answer = redis.hold('claim');
    const newer = claim && (await other.opened(claim, { resume: true }));
    const before = redis.calls.filter((call) => call === 'claim').length;
    const page = redis.hold('readLog');
    const positions = { news: redis.publish('news', '0') };
    redis.publish('news', '1');
    if (newer) await other.resume(newer.connection, positions);
    expect(newer?.connection.phase).toBe('attaching');
    answer();
    await other.settled();
    page();
    await other.settled();
    // The edge of the older one compares its connection; this edge does not compare its own again.
    expect(redis.calls.filter((call) => call === 'claim')).toHaveLength(before + 1);
    expect(newer?.socket.idsOf('news')).toHaveLength(1);
  });

  it('of which the older edge is not notified is found by the walk of that edge', async () => {
    const { redis, edge, other, older } = await twoEdges();
    redis.notifiesNobody = true;
    await other.connected(CLIENT);
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    redis.notifiesNobody = false;
    await edge.beat();
    await edge.settled();
    expect(older.socket.closed).toMatchObject(REPLACED);
  });

  it('that comes too late, after a newer one, closes its connection and takes nothing', async () => {
    const { redis, edge, other, older } = await twoEdges('news');
    const [first, second] = [await edge.hub.claim(CLIENT), await other.hub.claim(CLIENT)];
    const newest = second && (await other.opened(second));
    const late = first && (await edge.opened(first));
    await other.settled();
    await edge.settled();
    expect(older.socket.closed).toMatchObject(REPLACED);
    expect(late?.socket.closed).toMatchObject(REPLACED);
    expect(newest?.socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-b', generation: second?.generation });
    const id = redis.publish('news', '1');
    await other.settled();
    expect(newest?.socket.idsOf('news')).toEqual([id]);
  });
});

it('an older connection that gets its client back does not stop the handshake that is under way', async () => {
  const { redis, edge, other, older } = await twoEdges('news');
  redis.notifiesNobody = true;
  const newer = await other.connected(CLIENT);
  const claim = await other.hub.claim(CLIENT);
  other.hub.onClosed(newer.connection);
  await other.settled();
  edge.compareEverything();
  await edge.settled();
  expect(redis.client(CLIENT).owner?.edge).toBe('edge-a');
  expect(older.socket.closed).toBeNull();
  redis.notifiesNobody = false;
  const newest = claim && (await other.opened(claim));
  await edge.settled();
  expect(newest?.socket.closed).toBeNull();
  expect(older.socket.closed).toMatchObject(REPLACED);
  const id = redis.publish('news', '1');
  await other.settled();
  expect(newest?.socket.idsOf('news')).toEqual([id]);
});

it('a connection that ends before it knows that it took over leaves its client to the older one, without the walk', async () => {
  const { redis, other, edge, older } = await twoEdges();
  const claim = await other.hub.claim(CLIENT);
  const answer = redis.hold('claim');
  const newer = claim && (await other.opened(claim));
  expect(redis.client(CLIENT).owner?.edge).toBe('edge-b');
  if (newer) other.hub.onClosed(newer.connection);
  await other.settled();
  answer();
  await other.settled();
  await edge.settled();
  expect(older.socket.closed).toBeNull();
  expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: older.connection.generation });
});

describe('two handshakes of one client on one edge', () => {
  it('one whose connection is not open yet stays the owner when its client is read', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT, ['news']);
    const edge = memoryEdge(redis);
    const claim = await edge.hub.claim(CLIENT);
    redis.subscribe(CLIENT, 'sport');
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: claim?.generation });
    const made = claim && (await edge.opened(claim));
    redis.subscribe(CLIENT, 'music');
    const ids = ['sport', 'music'].map((topic) => redis.publish(topic, '1'));
    await edge.settled();
    expect(['sport', 'music'].flatMap((topic) => made?.socket.idsOf(topic))).toEqual(ids);
  });

  it('that finish in the other order: the lower generation is closed, the higher stays', async () => {
    const { redis, edge, older } = await twoEdges('news');
    const [first, second] = [await edge.hub.claim(CLIENT), await edge.hub.claim(CLIENT)];
    const newest = second && (await edge.opened(second));
    const late = first && (await edge.opened(first));
    expect(older.socket.closed).toMatchObject(REPLACED);
    expect(late?.socket.closed).toMatchObject(REPLACED);
    expect(newest?.socket.closed).toBeNull();
    if (late) edge.hub.onClosed(late.connection);
    edge.hub.onClosed(older.connection);
    await edge.settled();
    await edge.beat();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: second?.generation });
    expect(edge.registry.get(CLIENT)).toBe(newest?.connection);
    redis.subscribe(CLIENT, 'sport');
    const ids = [redis.publish('news', '1'), redis.publish('sport', '2')];
    await edge.settled();
    expect([...(newest?.socket.idsOf('news') ?? []), ...(newest?.socket.idsOf('sport') ?? [])]).toEqual(ids);
  });

  it('of which the newer one comes to nothing: the older one stays', async () => {
    const { redis, edge } = await twoEdges('news');
    const [first, second] = [await edge.hub.claim(CLIENT), await edge.hub.claim(CLIENT)];
    const made = first && (await edge.opened(first));
    if (second) second.abandon();
    await edge.settled();
    await edge.beat();
    await edge.settled();
    expect(made?.socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: first?.generation });
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(made?.socket.idsOf('news')).toEqual([id]);
  });

  it('of which the newer one owns what Redis had forgotten, and comes to nothing: the older connection stays', async () => {
    const { redis, edge, older } = await twoEdges();
    redis.client(CLIENT).owner = null;
    const claim = await edge.hub.claim(CLIENT);
    expect(claim).toMatchObject({ isOwner: true });
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    if (claim) claim.abandon();
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: older.connection.generation });
    redis.subscribe(CLIENT, 'news');
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(older.socket.idsOf('news')).toEqual([id]);
  });

  it('of which the first one owns a free client, and the second is done before it', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT, ['news']);
    const edge = memoryEdge(redis);
    const [first, second] = [await edge.hub.claim(CLIENT), await edge.hub.claim(CLIENT)];
    expect([first?.isOwner, second?.isOwner]).toEqual([true, false]);
    const newest = second && (await edge.opened(second));
    const late = first && (await edge.opened(first));
    expect(late?.socket.closed).toMatchObject(REPLACED);
    if (late) edge.hub.onClosed(late.connection);
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: second?.generation });
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(newest?.socket.idsOf('news')).toEqual([id]);
  });
});

it('a client that its connection gets back when it has just ended is released', async () => {
  const { redis, edge, older } = await twoEdges();
  const generation = redis.own(CLIENT, 'edge-b');
  await redis.broker().release(CLIENT, 'edge-b', generation);
  const answer = redis.hold('claim');
  edge.compareEverything();
  await edge.settled();
  expect(redis.client(CLIENT).owner?.edge).toBe('edge-a');
  older.connection.end();
  edge.hub.onClosed(older.connection);
  await edge.settled();
  answer();
  await edge.settled();
  expect(redis.client(CLIENT).owner).toBeNull();
});
