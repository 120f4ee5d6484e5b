import { comparePositions } from '@holdfast/protocol/position-order';
import { describe, expect, it } from 'vitest';
import { LogModel } from '../testing/log-model.ts';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';

const CLIENT = 'c1';
const LARGE = `"${'x'.repeat(40_000)}"`;

/** A connected client whose edge is not notified of changes until `notified`. */
async function unnotified(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  const edge = memoryEdge(redis);
  const made = await edge.connected(CLIENT);
  redis.notifiesNobody = true;
  return {
    redis,
    edge,
    ...made,
    /** Subscribes, publishes so many messages, and unsubscribes. Gives their ids. */
    passing: (topic: string, count = 1): string[] => {
      redis.subscribe(CLIENT, topic);
      const ids = Array.from({ length: count }, (_, index) => redis.publish(topic, String(index)));
      redis.unsubscribe(CLIENT, topic);
      return ids;
    },
    notified: async (): Promise<void> => {
      redis.notifiesNobody = false;
      redis.notify('edge-a', CLIENT);
      await edge.settled();
      redis.notifiesNobody = true;
    },
  };
}

/** The frames after the welcome. */
const later = <Frame>(frames: Frame[]) => frames.slice(1);
const closedOf = (redis: MemoryRedis) => redis.client(CLIENT).closed.size;

describe('a subscription that was over before the edge looked', () => {
  it('is delivered whole, with its beginning and its end, and acknowledged', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const begin = redis.publish('news', '"before"');
    const ids = passing('news', 2);
    redis.publish('news', '"after"');
    await notified();
    expect(later(socket.frames)).toEqual([
      { type: 'subscribed', topic: 'news', position: begin },
      { type: 'message', topic: 'news', id: ids[0], data: 0 },
      { type: 'message', topic: 'news', id: ids[1], data: 1 },
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
    ]);
    expect(closedOf(redis)).toBe(0);
    const messages = later(socket.writes).slice(1, 3);
    const deliveredBytes = messages.reduce((sum, { length }) => sum + length, 0);
    expect(edge.counters).toMatchObject({ deliveries: 2, deliveredBytes });
    await notified();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('and that was delivered as it came ends with its end, which is acknowledged, and nothing comes twice', async () => {
    const { redis, edge, socket, notified } = await unnotified('news');
    const ids = [redis.publish('news', '0'), redis.publish('news', '1')];
    await edge.settled();
    redis.unsubscribe(CLIENT, 'news');
    expect(closedOf(redis)).toBe(1);
    await notified();
    redis.publish('news', '"after"');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(later(socket.frames).at(-1)).toEqual({ type: 'unsubscribed', topic: 'news', reason: 'requested' });
    expect(socket.of('subscribed')).toEqual([]);
    expect(closedOf(redis)).toBe(0);
  });

  it('is delivered also when there were very many, and each message once', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const ids = Array.from({ length: 70 }, () => {
      const [id = ''] = passing('news');
      redis.publish('news', '"between"');
      return id;
    });
    await notified();
    for (let round = 0; round < 5; round += 1) await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(socket.of('lost')).toEqual([]);
    expect(socket.of('subscribed')).toHaveLength(70);
    expect(closedOf(redis)).toBe(0);
  });

  it('for which Redis had no room is announced as lost', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const ids = passing('news', 3);
    const range = redis.client(CLIENT).closed.get('news') ?? '';
    redis.client(CLIENT).closed.set('news', `!${range}`);
    await notified();
    const [begin] = range.split(',');
    expect(later(socket.frames)).toEqual([
      { type: 'subscribed', topic: 'news', position: begin },
      { type: 'lost', topic: 'news', after: begin, position: ids[2] },
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
    ]);
    expect(edge.counters.lostAnnounced).toBe(1);
    expect(closedOf(redis)).toBe(0);
  });

  it.each([
    ['is trimmed', (redis: MemoryRedis) => redis.topic('news').trim(0)],
    ['is gone with its topic', (redis: MemoryRedis) => redis.topics.delete('news')],
    [
      'is of another topic that has the name now',
      (redis: MemoryRedis) => {
        redis.topics.delete('news');
        redis.publish('news', '"of the new one"');
      },
    ],
    [
      'is of another topic with the same positions, by a clock that was set back',
      (redis: MemoryRedis) => {
        const anew = new LogModel(Number.parseInt(redis.topic('news').start, 10), '99');
        for (const data of ['1', '2', '3']) anew.append(Buffer.from(data));
        redis.topics.set('news', anew);
      },
    ],
  ])('and whose log %s is announced as lost', async (_, fault) => {
    const { redis, socket, passing, notified } = await unnotified();
    const ids = passing('news', 3);
    fault(redis);
    await notified();
    expect(socket.idsOf('news')).toEqual([]);
    expect(socket.of('lost')).toEqual([expect.objectContaining({ topic: 'news', position: ids[2] })]);
    expect(closedOf(redis)).toBe(0);
  });

  it('that the connection had in part is brought to its end first, and nothing comes twice', async () => {
    const { redis, edge, socket, notified } = await unnotified('news');
    const ids = [redis.publish('news', '0')];
    await edge.settled();
    ids.push(redis.publish('news', '1', { live: false }));
    redis.unsubscribe(CLIENT, 'news');
    redis.publish('news', '"after"', { live: false });
    await notified();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(later(socket.frames).at(-1)).toEqual({ type: 'unsubscribed', topic: 'news', reason: 'requested' });
    expect(socket.of('subscribed')).toEqual([]);
  });

  it('and taken up again is delivered, and then what follows', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const ids = passing('news', 2);
    redis.publish('news', '"between"');
    redis.subscribe(CLIENT, 'news');
    ids.push(redis.publish('news', '2'));
    await notified();
    ids.push(redis.publish('news', '3'));
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(later(socket.frames).map(({ type }) => type)).toEqual([
      'subscribed',
      'message',
      'message',
      'unsubscribed',
      'subscribed',
      'message',
      'message',
    ]);
  });

  it('is delivered once when the acknowledgement fails, or its answer gets lost', async () => {
    for (const away of [true, false]) {
      const { redis, edge, socket, passing, notified } = await unnotified();
      const ids = passing('news', 2);
      if (away) redis.failing.add('acknowledgeRanges');
      else redis.answersLost.add('acknowledgeRanges');
      await notified();
      expect(socket.idsOf('news')).toEqual(ids);
      expect(closedOf(redis)).toBe(away ? 1 : 0);
      redis.failing.clear();
      redis.answersLost.clear();
      await edge.beat();
      await edge.settled();
      expect(socket.idsOf('news')).toEqual(ids);
      expect(closedOf(redis)).toBe(0);
    }
  });

  it('is delivered later when its log cannot be read at first', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const ids = passing('news', 2);
    redis.failing.add('readLog');
    await notified();
    expect(socket.idsOf('news')).toEqual([]);
    expect(closedOf(redis)).toBe(1);
    redis.failing.clear();
    await edge.beat();
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(closedOf(redis)).toBe(0);
  });

  it('to a reader that has stopped is announced as lost from where it stands', async () => {
    const { redis, socket, notified } = await unnotified();
    redis.subscribe(CLIENT, 'news');
    const ids = Array.from({ length: 10 }, () => redis.publish('news', LARGE));
    redis.unsubscribe(CLIENT, 'news');
    socket.stopped = true;
    await notified();
    const got = socket.idsOf('news');
    expect(got.length).toBeLessThan(4);
    expect(got).toEqual(ids.slice(0, got.length));
    expect(socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: got.at(-1), position: ids.at(-1) }]);
  });

  it('that goes on to be added to while it is delivered comes whole as well', async () => {
    const { redis, edge, socket, passing, notified } = await unnotified();
    const ids = passing('news', 2);
    const goOn = redis.hold('readLog');
    await notified();
    ids.push(...passing('news', 2));
    goOn();
    await edge.settled();
    await notified();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(closedOf(redis)).toBe(0);
  });
});

describe('closed ranges from before a connection', () => {
  it.each([false, true])('are only acknowledged: they were for an older one (resume: %s)', async (resume) => {
    const { redis, edge, passing } = await unnotified('sport');
    passing('news', 3);
    const { socket, connection } = await edge.connected(CLIENT, { resume });
    if (resume) await edge.resume(connection, {});
    await edge.beat();
    await edge.settled();
    expect(later(socket.frames)).toEqual([]);
    expect(closedOf(redis)).toBe(0);
  });

  it('do not keep what was added since from being delivered', async () => {
    const { redis, edge, passing, notified } = await unnotified();
    passing('news', 3);
    const claim = await edge.hub.claim(CLIENT);
    const ids = passing('news', 2);
    const made = claim && (await edge.opened(claim));
    await notified();
    expect(made?.socket.idsOf('news')).toEqual(ids);
    expect(closedOf(redis)).toBe(0);
  });

  it('are not delivered to a newer connection that takes the client over', async () => {
    const { redis, edge, passing } = await unnotified();
    const other = memoryEdge(redis, 'edge-b');
    const ids = passing('news', 3);
    const newer = await other.connected(CLIENT);
    await other.beat();
    await other.settled();
    await edge.settled();
    expect(newer.socket.idsOf('news')).not.toContain(ids[0]);
    expect(closedOf(redis)).toBe(0);
  });
});

it('150 topics that are left and taken up again at once give nothing twice, and miss nothing', async () => {
  const topics = Array.from({ length: 150 }, (_, index) => `t${index}`);
  const { redis, edge, socket, notified } = await unnotified(...topics);
  const wanted = new Map(topics.map((topic) => [topic, [redis.publish(topic, '1')]]));
  /** What is published while the edge has not looked yet may come, in its place. */
  const between = new Set<string>();
  await edge.settled();
  for (let round = 0; round < 3; round += 1) {
    for (const topic of topics) {
      wanted.get(topic)?.push(redis.publish(topic, '2'));
      redis.unsubscribe(CLIENT, topic);
      between.add(redis.publish(topic, '"between"', { live: false }));
      redis.subscribe(CLIENT, topic);
      wanted.get(topic)?.push(redis.publish(topic, '3', { live: round % 2 === 0 }));
    }
    await notified();
    await edge.settled();
  }
  for (const topic of topics) wanted.get(topic)?.push(redis.publish(topic, '4'));
  await edge.settled();
  for (const [topic, ids] of wanted) {
    const got = socket.idsOf(topic);
    expect(got.filter((id) => !between.has(id))).toEqual(ids);
    expect(got).toEqual([...new Set(got)].toSorted(comparePositions));
  }
  expect(socket.of('lost')).toEqual([]);
  expect(closedOf(redis)).toBe(0);
});

it('150 topics that are left and taken up again without anything between give nothing twice', async () => {
  const topics = Array.from({ length: 150 }, (_, index) => `t${index}`);
  const { redis, edge, socket } = await unnotified(...topics);
  redis.notifiesNobody = false;
  const wanted = new Map(topics.map((topic) => [topic, [redis.publish(topic, '1')]]));
  for (const topic of topics) {
    redis.unsubscribe(CLIENT, topic);
    await new Promise(setImmediate);
    redis.subscribe(CLIENT, topic);
    wanted.get(topic)?.push(redis.publish(topic, '2'));
  }
  await edge.settled();
  for (const [topic, ids] of wanted) expect(socket.idsOf(topic)).toEqual(ids);
});
