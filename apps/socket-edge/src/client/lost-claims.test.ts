import { closeCodes } from '@holdfast/protocol/close-codes';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { LostClaims } from './lost-claims.ts';
import type { Releases } from './releases.ts';

const CLIENT = 'c1';
const WALK_MS = 25_000;
/** Of the walk, while nothing gets better. */
const ROUNDS = 4;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function edgeWith(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  return { redis, edge: memoryEdge(redis) };
}

/** An edge with a connection that Redis has forgotten to be the owner. */
async function forgotten(...topics: string[]) {
  const its = edgeWith(...topics);
  const older = await its.edge.connected(CLIENT);
  its.redis.client(CLIENT).owner = null;
  return { ...its, older };
}

type Its = Awaited<ReturnType<typeof forgotten>>;

/** Who owns the client when the edge has compared everything once. */
async function ownerAfterWalk({ redis, edge }: Pick<Its, 'redis' | 'edge'>) {
  vi.advanceTimersByTime(WALK_MS);
  await edge.beat();
  await edge.settled();
  return redis.client(CLIENT).owner;
}

/** The connection owns its client, and follows it. */
async function expectFollowing({ redis, edge, older }: Its): Promise<void> {
  expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: older.connection.generation });
  redis.subscribe(CLIENT, 'sport');
  const id = redis.publish('sport', '1');
  await edge.settled();
  expect(older.socket.idsOf('sport')).toEqual([id]);
}

/** A claim takes place, and its answer is lost. */
async function lose({ redis, edge }: Pick<Its, 'redis' | 'edge'>): Promise<void> {
  redis.answersLost.add('claim');
  await expect(edge.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
  redis.answersLost.clear();
}

describe('a claim whose answer is lost', () => {
  it('replaces no connection of its edge, though the client was free in Redis', async () => {
    const its = await forgotten();
    await lose(its);
    await its.edge.settled();
    expect(its.older.socket.closed).toBeNull();
    await expectFollowing(its);
  });

  it('leaves no owner behind when another handshake, which was under way meanwhile, comes to nothing', async () => {
    const { redis, edge } = edgeWith();
    redis.answersLost.add('claim');
    const losing = edge.hub.claim(CLIENT);
    await new Promise(setImmediate);
    const claiming = edge.hub.claim(CLIENT);
    await expect(losing).rejects.toThrow('Redis does not answer');
    redis.answersLost.clear();
    const claim = await claiming;
    expect(claim).toMatchObject({ isOwner: false });
    await edge.settled();
    claim?.abandon();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();
  });
});

it.each([{ open: false }, { open: true }])(
  'a claim that reaches Redis after the edge has looked for it leaves no owner behind; another connection: $open',
  async ({ open }) => {
    const its = edgeWith();
    const { redis, edge } = its;
    const older = open ? await edge.connected(CLIENT) : null;
    redis.client(CLIENT).owner = null;
    const stop = redis.delay('claim');
    await expect(edge.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
    const arrive = stop();
    await edge.settled();
    if (older) edge.hub.onClosed(older.connection);
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();
    arrive();
    expect(redis.client(CLIENT).owner).toMatchObject({ edge: 'edge-a' });
    expect(await ownerAfterWalk(its)).toBeNull();
  },
);

it('a comparison that reaches Redis after its connection was released leaves no owner behind', async () => {
  const its = await forgotten();
  const { redis, edge, older } = its;
  const stop = redis.delay('claim');
  edge.compareEverything();
  await edge.settled();
  const arrive = stop();
  edge.hub.onClosed(older.connection);
  await edge.beat();
  await edge.settled();
  arrive();
  expect(redis.client(CLIENT).owner).toMatchObject({ edge: 'edge-a' });
  expect(await ownerAfterWalk(its)).toBeNull();
});

it('a comparison of the walk whose answer is lost, for a connection that ends, leaves no owner behind', async () => {
  const its = await forgotten();
  const { redis, edge, older } = its;
  const other = redis.own(CLIENT, 'edge-b');
  await redis.broker().release(CLIENT, 'edge-b', other);
  redis.answersLost.add('claim');
  vi.advanceTimersByTime(WALK_MS);
  await edge.beat();
  expect(redis.client(CLIENT).owner).toMatchObject({ edge: 'edge-a' });
  redis.answersLost.clear();
  edge.hub.onClosed(older.connection);
  await edge.settled();
  expect(await ownerAfterWalk(its)).toBeNull();
});

it('a connection that gets its client back twice at the same time is not its own replacement', async () => {
  const its = await forgotten();
  const { redis, edge } = its;
  const other = redis.own(CLIENT, 'edge-b');
  await redis.broker().release(CLIENT, 'edge-b', other);
  vi.advanceTimersByTime(WALK_MS);
  redis.notify('edge-a', CLIENT);
  const ends = redis.ends.length;
  await edge.beat();
  await edge.settled();
  expect(its.older.socket.closed).toBeNull();
  expect(redis.ends).toHaveLength(ends);
  await expectFollowing(its);
});

describe('a handshake under way at the edge of an older connection', () => {
  it('that is given up while the older one is compared has replaced nothing', async () => {
    const its = await forgotten();
    const { redis, edge } = its;
    const claim = await edge.hub.claim(CLIENT);
    const answer = redis.hold('claim');
    edge.compareEverything();
    await edge.settled();
    claim?.abandon();
    answer();
    await edge.settled();
    expect(its.older.socket.closed).toBeNull();
    await expectFollowing(its);
  });

  it('that comes to nothing has the older one looked at again, which another edge has replaced', async () => {
    const { redis, edge } = edgeWith();
    const other = memoryEdge(redis, 'edge-b');
    const older = await edge.connected(CLIENT);
    redis.notifiesNobody = true;
    await other.connected(CLIENT);
    const claim = await edge.hub.claim(CLIENT);
    vi.advanceTimersByTime(WALK_MS);
    await edge.beat();
    await edge.settled();
    expect(older.socket.closed).toBeNull();
    claim?.abandon();
    await edge.settled();
    expect(older.socket.closed).toMatchObject({ code: closeCodes.replaced.code });
  });

  it('that finds a newer one here has that looked at again, which another edge has replaced', async () => {
    const { redis, edge } = edgeWith();
    const other = memoryEdge(redis, 'edge-b');
    const claim = await edge.hub.claim(CLIENT);
    const newer = await edge.connected(CLIENT);
    redis.notifiesNobody = true;
    await other.connected(CLIENT);
    vi.advanceTimersByTime(WALK_MS);
    await edge.beat();
    await edge.settled();
    expect(newer.socket.closed).toBeNull();
    const late = claim && (await edge.opened(claim));
    expect(late?.socket.closed).toMatchObject({ code: closeCodes.replaced.code });
    await edge.settled();
    expect(newer.socket.closed).toMatchObject({ code: closeCodes.replaced.code });
  });

  it('owns the client: the older one is sent nothing that the client has unsubscribed', async () => {
    const { redis, edge, older } = await forgotten('news');
    const claim = await edge.hub.claim(CLIENT);
    redis.unsubscribe(CLIENT, 'news');
    await edge.settled();
    redis.publish('news', '1');
    await edge.settled();
    expect(older.socket.idsOf('news')).toEqual([]);
    const newer = claim && (await edge.opened(claim));
    expect(older.socket.closed).toMatchObject({ code: closeCodes.replaced.code });
    expect(newer?.socket.closed).toBeNull();
  });
});

it('a release that reaches Redis after the next claim is made up for at once', async () => {
  const { redis, edge } = edgeWith();
  const answer = redis.hold('release');
  redis.notify('edge-a', CLIENT);
  await edge.settled();
  expect(redis.calls).toContain('release');
  const { connection } = await edge.connected(CLIENT);
  redis.client(CLIENT).owner = null;
  answer();
  await edge.settled();
  expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: connection.generation });
});

it('a handshake whose client a newer one of its edge had meanwhile owns it as soon as it is open', async () => {
  const { redis, edge } = edgeWith();
  const [first, second] = [await edge.hub.claim(CLIENT), await edge.hub.claim(CLIENT)];
  const newer = second && (await edge.opened(second));
  if (newer) edge.hub.onClosed(newer.connection);
  await edge.settled();
  expect(redis.client(CLIENT).owner).toBeNull();
  const made = first && (await edge.opened(first));
  expect(made?.socket.closed).toBeNull();
  expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: made?.connection.generation });
});

async function unreleased() {
  const its = await forgotten('news');
  its.redis.own(CLIENT, 'edge-a');
  its.redis.failing.add('release');
  return its;
}

/** One round of the walk, in which every connection is compared. Gives how often a release was sent in it. */
async function walked({ redis, edge }: Pick<Its, 'redis' | 'edge'>): Promise<number> {
  redis.calls.length = 0;
  vi.advanceTimersByTime(WALK_MS);
  void edge.beat();
  await edge.settled();
  return redis.calls.filter((call) => call === 'release').length;
}

describe('a claim that is none of this edge’s connections, while releases fail', () => {
  it('has the connection sent nothing that its client has unsubscribed, and following it once they work', async () => {
    const its = await unreleased();
    const { redis, edge, older } = its;
    redis.unsubscribe(CLIENT, 'news');
    await edge.settled();
    redis.publish('news', '1');
    await edge.settled();
    redis.failing.clear();
    await edge.beat();
    await edge.settled();
    expect(older.socket.idsOf('news')).toEqual([]);
    expect(older.socket.closed).toBeNull();
    await expectFollowing(its);
  });

  it('is released by one call, however often the connection is compared meanwhile', async () => {
    const its = await unreleased();
    await walked(its);
    const second = await walked(its);
    for (let round = 0; round < ROUNDS; round += 1) expect(await walked(its)).toBe(second);
    its.redis.failing.clear();
    expect(await walked(its)).toBe(1);
    expect(its.older.socket.closed).toBeNull();
    await expectFollowing(its);
  });
});

it('a read that a handshake puts off is made when its client is found not to be registered', async () => {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  const answer = redis.hold('claim');
  const claiming = edge.hub.claim(CLIENT);
  redis.notify('edge-a', CLIENT);
  await edge.settled();
  expect(redis.calls).not.toContain('release');
  answer();
  expect(await claiming).toBeNull();
  await edge.settled();
  expect(redis.calls).toContain('release');
});

/** Without an edge: what they release, and have read. */
function lostClaims() {
  const added: Parameters<Releases['add']>[0][] = [];
  const read: string[] = [];
  const claims = new LostClaims({
    edge: 'edge-a',
    registry: { get: () => undefined },
    pending: { has: () => false },
    releases: { add: (release) => void added.push(release) },
    reread: (clientId) => void read.push(clientId),
  });
  return { added, read, claims };
}

describe('lost claims', () => {
  it('are released again when they come about again', async () => {
    const { older } = await forgotten();
    const { added, read, claims } = lostClaims();
    const owner = { edge: 'edge-a', generation: older.connection.generation + 1 };
    for (let time = 0; time < 2; time += 1) claims.release(older.connection, owner);
    expect(added).toHaveLength(1);
    added[0]?.onReleased?.();
    expect(read).toEqual([CLIENT]);
    claims.release(older.connection, owner);
    expect(added).toHaveLength(2);
  });

  it('are looked for of the last 50,000 clients of which a claim failed', () => {
    const { read, claims } = lostClaims();
    const ids = Array.from({ length: 50_002 }, (_, index) => `c${index}`);
    for (const id of ids) claims.onFailed(id);
    claims.readDue(performance.now() + WALK_MS);
    expect(read).toEqual(ids.slice(2));
  });
});
