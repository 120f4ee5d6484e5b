import { closeCodes } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { memoryEdge } from './testing/memory-edge.ts';
import { MemoryRedis } from './testing/memory-redis.ts';

const CLIENT = 'c1';

async function connectedTo(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  const edge = memoryEdge(redis);
  return { redis, edge, ...(await edge.connected(CLIENT)) };
}

/** The frames after the welcome. */
const later = <Frame>(frames: Frame[]) => frames.slice(1);

describe('a connection follows what its client wants', () => {
  it('from the position at which each subscription began, however late the edge hears of it', async () => {
    const { redis, edge, socket } = await connectedTo();
    redis.letters.clear();
    const begin = redis.topic('news').last;
    redis.client(CLIENT).topics.set('news', begin);
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    redis.ring('edge-a', CLIENT);
    await edge.settled();
    ids.push(redis.publish('news', '3'));
    await edge.settled();
    expect(later(socket.frames)).toEqual([
      { type: 'subscribed', topic: 'news', position: begin },
      ...ids.map((id, index) => ({ type: 'message', topic: 'news', id, data: index + 1 })),
    ]);
  });

  it('until it wants it no more', async () => {
    const { redis, edge, socket } = await connectedTo('news', 'sport');
    redis.unsubscribe(CLIENT, 'news');
    await edge.settled();
    redis.publish('news', '1');
    const sport = redis.publish('sport', '2');
    await edge.settled();
    expect(later(socket.frames)).toEqual([
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
      { type: 'message', topic: 'sport', id: sport, data: 2 },
    ]);
  });

  it('and is subscribed anew when it was left and taken up again, without what came between, and nothing twice', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    const first = redis.publish('news', '1');
    await edge.settled();
    const client = redis.client(CLIENT);
    client.topics.delete('news');
    redis.publish('news', '"not for it"', { heard: false });
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    const after = redis.publish('news', '3');
    await edge.settled();
    expect(later(socket.frames)).toEqual([
      { type: 'message', topic: 'news', id: first, data: 1 },
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
      { type: 'subscribed', topic: 'news', position: client.topics.get('news') },
      { type: 'message', topic: 'news', id: after, data: 3 },
    ]);
  });

  it('and is not given again what it had from the old subscription', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.client(CLIENT).topics.set('news', redis.publish('news', '1'));
    const reached = redis.publish('news', '2');
    await edge.settled();
    redis.ring('edge-a', CLIENT);
    await edge.settled();
    expect(socket.of('subscribed')).toEqual([{ type: 'subscribed', topic: 'news', position: reached }]);
    expect(socket.idsOf('news').filter((id) => id === reached)).toHaveLength(1);
  });

  it('unless the topic is gone, or another one has its name', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.deleteTopic('news');
    await edge.settled();
    expect(later(socket.frames)).toEqual([{ type: 'unsubscribed', topic: 'news', reason: 'topic-deleted' }]);
    redis.topic('news');
    redis.ring('edge-a', CLIENT);
    await edge.settled();
    redis.publish('news', '1');
    await edge.settled();
    expect(later(socket.frames)).toHaveLength(1);
    redis.subscribe(CLIENT, 'news');
    const id = redis.publish('news', '2');
    await edge.settled();
    expect(socket.of('subscribed')).toHaveLength(1);
    expect(socket.idsOf('news')).toEqual([id]);
  });

  it('also what changed while it was being attached', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT, ['old']);
    const edge = memoryEdge(redis);
    const made = await edge.connect(CLIENT);
    const goOn = redis.hold('readTopics');
    redis.subscribe(CLIENT, 'new');
    redis.unsubscribe(CLIENT, 'old');
    const id = redis.publish('new', '1');
    await edge.settled();
    // The letter has been read, and there is no welcome yet.
    expect(redis.letters.get('edge-a')?.size).toBe(0);
    expect(made?.socket.frames).toEqual([]);
    goOn();
    await edge.settled();
    expect(made?.connection.subscriptions.topics()).toEqual(['new']);
    expect(made?.socket.idsOf('new')).toEqual([id]);
  });

  it('in the order of the states, also when one comes while another is being applied', async () => {
    const { redis, edge, socket, connection } = await connectedTo();
    redis.subscribe(CLIENT, 'a');
    // The letter is read, and the topic is being opened, when the next changes come.
    while (!redis.calls.includes('readTopics')) await new Promise(setImmediate);
    const goOn = redis.hold();
    redis.unsubscribe(CLIENT, 'a');
    redis.subscribe(CLIENT, 'b');
    await edge.settled();
    redis.subscribe(CLIENT, 'c');
    redis.unsubscribe(CLIENT, 'b');
    goOn();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['c']);
    expect(socket.of('unsubscribed').map(({ topic }) => topic)).toContain('a');
  });

  it('also when the letter box was emptied and the answer to that got lost', async () => {
    const { redis, edge, connection } = await connectedTo();
    redis.answersLost.add('takeLetters');
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    redis.answersLost.clear();
    expect(redis.letters.get('edge-a')?.size).toBe(0);
    // The next time it looks, whatever the reason.
    redis.ring('edge-a', 'somebody-else');
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
  });

  it('also when the state could not be read at first', async () => {
    const { redis, edge, connection } = await connectedTo();
    redis.answersLost.add('readClients');
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    redis.answersLost.clear();
    redis.ring('edge-a', 'somebody-else');
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
  });
});

describe('a connection is closed', () => {
  it.each([
    ['unregistered', closeCodes.unregistered, (redis: MemoryRedis) => redis.unregister(CLIENT)],
    [
      'owned by another edge',
      closeCodes.replaced,
      (redis: MemoryRedis) => {
        redis.client(CLIENT).owner = { edge: 'edge-b', connection: '1' };
        redis.ring('edge-a', CLIENT);
      },
    ],
    [
      'unwanted',
      closeCodes.disconnected,
      (redis: MemoryRedis) =>
        redis.change(CLIENT, (client) => {
          client.unwanted = client.owner?.connection ?? null;
        }),
    ],
  ])('when its client is %s', async (_, { code, reason }, change) => {
    const { redis, edge, socket } = await connectedTo('news');
    change(redis);
    await edge.settled();
    expect(socket.closed).toEqual({ code, reason });
    redis.publish('news', '1');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([]);
  });

  it('also before its welcome, and before its resume frame', async () => {
    for (const resume of [true, false]) {
      const redis = new MemoryRedis();
      redis.register(CLIENT, ['news']);
      const edge = memoryEdge(redis);
      const made = await edge.connect(CLIENT, { resume });
      redis.unregister(CLIENT);
      await edge.settled();
      expect(made?.socket.closed).toMatchObject({ code: 4410 });
    }
  });

  it('but not for a disconnect that was meant for an older one', async () => {
    const { redis, edge, socket } = await connectedTo();
    redis.change(CLIENT, (client) => {
      client.unwanted = 'older';
    });
    await edge.settled();
    expect(socket.closed).toBeNull();
  });
});

describe('a look at everything', () => {
  it('finds what no letter told of, and counts it', async () => {
    const { redis, edge, connection } = await connectedTo('news');
    redis.client(CLIENT).topics.set('sport', redis.topic('sport').last);
    edge.lookAtEverything();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news', 'sport']);
    expect(edge.tally.driftFound).toBe(1);
    edge.lookAtEverything();
    await edge.settled();
    expect(edge.tally.driftFound).toBe(1);
  });

  it('claims again what Redis has forgotten, unless somebody newer was faster', async () => {
    const { redis, edge, socket, connection } = await connectedTo('news');
    redis.client(CLIENT).owner = null;
    edge.lookAtEverything();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', connection: connection.id });
    expect(socket.closed).toBeNull();
  });

  it('closes connections of clients that a Redis without memory does not know', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.clients.clear();
    edge.lookAtEverything();
    await edge.settled();
    expect(socket.closed).toMatchObject({ code: 4410 });
  });
});

it('thousands of letters are read in portions, and none is left', async () => {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  for (let index = 0; index < 1300; index += 1) redis.register(`c${index}`);
  for (let index = 0; index < 1300; index += 1) await edge.connect(`c${index}`);
  await edge.settled();
  redis.topic('news');
  for (let index = 0; index < 1300; index += 1) redis.subscribe(`c${index}`, 'news');
  await edge.settled();
  expect(redis.letters.get('edge-a')?.size).toBe(0);
  for (let index = 0; index < 1300; index += 1) {
    expect(edge.roster.get(`c${index}`)?.subscriptions.has('news')).toBe(true);
  }
});
