import { closeCodes } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const CLIENT = 'c1';

async function connectedTo(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  const edge = memoryEdge(redis);
  return { redis, edge, ...(await edge.connected(CLIENT)) };
}

/** Has a client read whose answer comes when what it gives is called; other answers are not held back. */
async function heldRead(redis: MemoryRedis) {
  const answer = redis.hold('claim');
  redis.notify('edge-a', CLIENT);
  const before = redis.calls.lastIndexOf('claim');
  while (redis.calls.lastIndexOf('claim') === before) await turns(1);
  redis.hold('claim')();
  return answer;
}

/** The frames after the welcome. */
const later = <Frame>(frames: Frame[]) => frames.slice(1);

describe('a connection follows what its client is subscribed to', () => {
  it('from the position at which each subscription began, however late the edge reads it', async () => {
    const { redis, edge, socket } = await connectedTo();
    redis.dirty.clear();
    const begin = redis.topic('news').last;
    redis.client(CLIENT).topics.set('news', redis.startOf('news'));
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    ids.push(redis.publish('news', '3'));
    await edge.settled();
    expect(later(socket.frames)).toEqual([
      { type: 'subscribed', topic: 'news', position: begin },
      ...ids.map((id, index) => ({ type: 'message', topic: 'news', id, data: index + 1 })),
    ]);
  });

  it('until it is so no more', async () => {
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
    const between = redis.publish('news', '"not for it"', { live: false });
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    const after = redis.publish('news', '3');
    await edge.settled();
    expect(later(socket.frames)).toEqual([
      { type: 'message', topic: 'news', id: first, data: 1 },
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
      { type: 'subscribed', topic: 'news', position: between },
      { type: 'message', topic: 'news', id: after, data: 3 },
    ]);
  });

  it('and is not given again what it had from the old subscription', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.publish('news', '1');
    redis.client(CLIENT).topics.set('news', redis.startOf('news'));
    const reached = redis.publish('news', '2');
    await edge.settled();
    redis.notify('edge-a', CLIENT);
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
    redis.notify('edge-a', CLIENT);
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

  it('to a topic deleted and made anew while the edge was not notified', async () => {
    const { redis, edge, socket, connection } = await connectedTo('news');
    // Neither the deletion nor anything else of it is received.
    redis.topics.delete('news');
    redis.publish('news', '"before"');
    redis.subscribe(CLIENT, 'news');
    const ids = [redis.publish('news', '1', { live: false })];
    await edge.settled();
    ids.push(redis.publish('news', '2'));
    await edge.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(connection.subscriptions.topics()).toEqual(['news']);
    expect(socket.of('unsubscribed')).toHaveLength(1);
    expect(socket.of('lost')).toEqual([]);
  });

  it('to the new topic also when it is taken off the old one without a wake-up', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.notifiesNobody = true;
    redis.deleteTopic('news');
    redis.topic('news');
    redis.subscribe(CLIENT, 'news');
    redis.notifiesNobody = false;
    await edge.settled();
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(later(socket.frames).map(({ type }) => type)).toEqual(['unsubscribed', 'subscribed', 'message']);
    expect(socket.idsOf('news')).toEqual([id]);
  });

  it('also what changed while it was being attached', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT, ['old']);
    const edge = memoryEdge(redis);
    const made = await edge.connect(CLIENT);
    const goOn = redis.hold('compareTopics');
    redis.subscribe(CLIENT, 'new');
    redis.unsubscribe(CLIENT, 'old');
    const id = redis.publish('new', '1');
    await edge.settled();
    // The wake-up has been worked off, and there is no welcome yet.
    expect(redis.dirty.get('edge-a')?.size).toBe(0);
    expect(made?.socket.frames).toEqual([]);
    goOn();
    await edge.settled();
    expect(made?.connection.subscriptions.topics()).toEqual(['new']);
    expect(made?.socket.idsOf('new')).toEqual([id]);
  });

  it('in the order of the states, also when one comes while another is being applied', async () => {
    const { redis, edge, socket, connection } = await connectedTo();
    redis.subscribe(CLIENT, 'a');
    // The state is read, and the topic is being opened, when the next changes come.
    while (!redis.calls.includes('compareTopics')) await new Promise(setImmediate);
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

  it('also when the dirty set was emptied and the answer to that got lost', async () => {
    const { redis, edge, connection } = await connectedTo();
    redis.answersLost.add('acknowledge');
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    redis.answersLost.clear();
    expect(redis.dirty.get('edge-a')?.size).toBe(0);
    // The next time it looks, whatever the reason.
    redis.notify('edge-a', 'somebody-else');
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
  });

  it('also when the state could not be read at first', async () => {
    const { redis, edge, connection } = await connectedTo();
    redis.answersLost.add('claim');
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    redis.answersLost.clear();
    redis.notify('edge-a', 'somebody-else');
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
  });
});

it('a subscription that Redis has again, after it lost its last writes, announces what is gone and gets what follows', async () => {
  const { redis, edge, socket } = await connectedTo('news');
  const start = redis.client(CLIENT).topics.get('news') ?? '';
  const ids = ['1', '2', '3'].map((data) => redis.publish('news', data));
  await edge.settled();
  redis.change(CLIENT, ({ topics }) => topics.delete('news'));
  await edge.settled();
  redis.topic('news').rollBack(2);
  await edge.topics.syncAll();
  await edge.settled();
  redis.change(CLIENT, ({ topics }) => topics.set('news', start));
  await edge.settled();
  const next = redis.publish('news', '4');
  await edge.settled();
  expect(socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: ids[2], position: ids[0] }]);
  expect(edge.counters.lostAnnounced).toBe(1);
  expect(socket.idsOf('news')).toEqual([...ids, next]);
});

describe('reads of a state', () => {
  it('that began before the one that was applied are dropped', async () => {
    const { redis, edge, socket, connection } = await connectedTo();
    redis.client(CLIENT).topics.set('old', redis.startOf('old'));
    const answer = await heldRead(redis);
    redis.client(CLIENT).topics.delete('old');
    redis.client(CLIENT).topics.set('news', redis.startOf('news'));
    // The walk, which comes to one connection at least, does not wait for the read of the wake-up.
    void edge.beat();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
    answer();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
    expect(socket.of('subscribed').map(({ topic }) => topic)).toEqual(['news']);
    expect(socket.of('unsubscribed')).toEqual([]);
    redis.publish('old', '"not for it"');
    const id = redis.publish('news', '1');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([id]);
  });

  it('that began before the connection did are dropped', async () => {
    const { redis, edge, socket } = await connectedTo();
    const answer = await heldRead(redis);
    redis.subscribe(CLIENT, 'news');
    const newer = await edge.connected(CLIENT);
    answer();
    await edge.settled();
    expect(socket.closed).toMatchObject({ code: 4409 });
    expect(newer.socket.closed).toBeNull();
    expect(newer.connection.subscriptions.topics()).toEqual(['news']);
  });
});

describe('a wake-up', () => {
  it('that could not be read half-way is read again until everything has been', async () => {
    const redis = new MemoryRedis();
    const edge = memoryEdge(redis);
    const ids = ['c0', 'c1', 'c2', 'c3'];
    for (const id of ids) redis.register(id);
    for (const id of ids) await edge.connected(id);
    redis.clientsAway.add('c1').add('c2');
    for (const id of ids) redis.subscribe(id, 'news');
    await edge.settled();
    const subscribed = () => ids.filter((id) => edge.registry.get(id)?.subscriptions.has('news'));
    expect(subscribed()).toEqual(['c0', 'c3']);
    // The dirty set is empty: only the edge knows what is wanting.
    expect(redis.dirty.get('edge-a')?.size).toBe(0);
    redis.clientsAway.delete('c1');
    await edge.beat();
    await edge.settled();
    expect(subscribed()).toEqual(['c0', 'c1', 'c3']);
    redis.clientsAway.clear();
    await edge.beat();
    await edge.settled();
    expect(subscribed()).toEqual(ids);
  });

  it('is not acknowledged before it has been noted: Redis may go away in between', async () => {
    const { redis, edge, connection } = await connectedTo();
    redis.away = true;
    redis.subscribe(CLIENT, 'news');
    await edge.settled();
    expect(redis.dirty.get('edge-a')?.size).toBe(1);
    redis.away = false;
    await edge.beat();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news']);
  });

  it('for a client that this edge owns without a connection ends that ownership', async () => {
    const redis = new MemoryRedis();
    redis.register(CLIENT);
    const edge = memoryEdge(redis);
    redis.own(CLIENT, 'edge-a');
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();
  });
});

describe('a connection is closed', () => {
  it.each([
    ['unregistered', closeCodes.unregistered, (redis: MemoryRedis) => redis.unregister(CLIENT)],
    [
      'owned by another edge',
      closeCodes.replaced,
      (redis: MemoryRedis) => {
        redis.own(CLIENT, 'edge-b');
        redis.notify('edge-a', CLIENT);
      },
    ],
    ['to be disconnected', closeCodes.disconnected, (redis: MemoryRedis) => redis.disconnect(CLIENT)],
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
    const { redis, edge, socket, connection } = await connectedTo();
    redis.change(CLIENT, (client) => {
      client.disconnectUpTo = connection.generation - 1;
    });
    await edge.settled();
    expect(socket.closed).toBeNull();
  });
});

describe('a look at everything', () => {
  it('finds what was not notified', async () => {
    const { redis, edge, connection } = await connectedTo('news');
    redis.client(CLIENT).topics.set('sport', redis.startOf('sport'));
    edge.compareEverything();
    await edge.settled();
    expect(connection.subscriptions.topics()).toEqual(['news', 'sport']);
  });

  it('claims again what Redis has forgotten, unless a newer one was faster', async () => {
    const { redis, edge, socket, connection } = await connectedTo('news');
    redis.client(CLIENT).owner = null;
    edge.compareEverything();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: connection.generation });
    expect(socket.closed).toBeNull();
  });

  it('that fails half-way is repeated until everything was read', async () => {
    const redis = new MemoryRedis();
    const edge = memoryEdge(redis);
    const ids = Array.from({ length: 20 }, (_, index) => `c${index}`);
    for (const id of ids) redis.register(id);
    for (const id of ids) await edge.connected(id);
    redis.topic('news');
    for (const id of ids) redis.client(id).topics.set('news', redis.startOf('news'));
    for (const id of ids.slice(5, 12)) redis.clientsAway.add(id);
    edge.compareEverything();
    await edge.settled();
    const subscribed = () => ids.filter((id) => edge.registry.get(id)?.subscriptions.has('news'));
    expect(subscribed()).toEqual([...ids.slice(0, 5), ...ids.slice(12)]);
    // Whose state is not known is sent nothing.
    expect(ids.map((id) => edge.registry.get(id)?.suspended)).toEqual(ids.map((id) => redis.clientsAway.has(id)));
    redis.clientsAway.clear();
    await edge.beat();
    await edge.settled();
    expect(subscribed()).toEqual(ids);
    expect(ids.filter((id) => edge.registry.get(id)?.suspended)).toEqual([]);
  });

  it('closes connections of clients that a Redis without memory does not know, also when it answers late', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.clients.clear();
    redis.answersLost.add('readPending');
    edge.compareEverything();
    await edge.settled();
    expect(socket.closed).toBeNull();
    redis.answersLost.clear();
    await edge.beat();
    await edge.settled();
    expect(socket.closed).toMatchObject({ code: 4410 });
  });

  it('closes connections of clients that a Redis without memory does not know', async () => {
    const { redis, edge, socket } = await connectedTo('news');
    redis.clients.clear();
    edge.compareEverything();
    await edge.settled();
    expect(socket.closed).toMatchObject({ code: 4410 });
  });
});

it('thousands of changed clients are read in portions, and none is left', async () => {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  for (let index = 0; index < 1300; index += 1) redis.register(`c${index}`);
  for (let index = 0; index < 1300; index += 1) await edge.connect(`c${index}`);
  await edge.settled();
  redis.topic('news');
  for (let index = 0; index < 1300; index += 1) redis.subscribe(`c${index}`, 'news');
  await edge.settled();
  expect(redis.dirty.get('edge-a')?.size).toBe(0);
  for (let index = 0; index < 1300; index += 1) {
    expect(edge.registry.get(`c${index}`)?.subscriptions.has('news')).toBe(true);
  }
});

it.each([closeCodes.expired, closeCodes.disconnected, closeCodes.tooSlow])(
  'a connection that ended with $code is released for that, also where its client is read before its release is sent',
  async (how) => {
    const { redis, edge, connection } = await connectedTo('news');
    connection.close(how);
    redis.away = true;
    edge.hub.onClosed(connection);
    await edge.settled();
    redis.away = false;
    redis.notify('edge-a', CLIENT);
    await edge.settled();
    expect(redis.ends).toEqual([{ clientId: CLIENT, reason: connection.endReason }]);
    expect(connection.endReason).not.toBe('lost');
    await edge.beat();
    expect(redis.ends).toHaveLength(1);
  },
);
