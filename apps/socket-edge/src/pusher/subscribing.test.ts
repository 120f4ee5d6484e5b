import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LogModel } from '../testing/log-model.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, type PusherEdge, app, pusherEdge, until } from '../testing/pusher-edge.ts';

const NEWS = channelTopic(app.appId, 'news');
const EVENT = Buffer.from('{"event":"evt","channel":"news","data":"1"}');
const SUBSCRIBED = 'pusher_internal:subscription_succeeded';
const REFUSED = 'pusher:subscription_error';
const MISS = 'pusher:cache_miss';

afterEach(() => {
  vi.useRealTimers();
});

async function setup() {
  const redis = new MemoryRedis();
  const edge = pusherEdge(redis);
  const client = await edge.connected();
  return { redis, edge, client };
}

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
}

async function seconds(edge: ReturnType<typeof pusherEdge>, count: number): Promise<void> {
  for (let past = 0; past < count; past += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    await edge.settled();
  }
}

const isOpened = (call: string): boolean => call === 'openChannel';

function subscribePublic(client: PusherClient, channel: string): void {
  client.send({ event: 'pusher:subscribe', data: { channel, auth: '' } });
}

function unsubscribe(client: PusherClient, channel: string): void {
  client.send({ event: 'pusher:unsubscribe', data: { channel } });
}

/** It stops reading, with so much before it that it takes no more. */
async function fill(edge: PusherEdge, client: PusherClient): Promise<void> {
  subscribePublic(client, 'large');
  await until(() => client.of(SUBSCRIBED, 'large').length > 0);
  client.socket.stopped = true;
  edge.publish('large', 'big', 'x'.repeat(70_000));
  await edge.settled();
}

/** It reads all that waits, and stops again. */
async function readOn(edge: PusherEdge, { socket, connection }: PusherClient): Promise<void> {
  socket.resume();
  edge.door.onDrain(connection);
  socket.stopped = true;
  await edge.settled();
}

describe('a subscription', () => {
  it('brings what is published from its answer on, in order, and nothing from before', async () => {
    const { edge, client } = await setup();
    edge.publish('news', 'before', '0');
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    for (let index = 0; index < 50; index += 1) edge.publish('news', 'evt', String(index));
    await edge.settled();
    expect(client.of('evt')).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(client.of('before')).toEqual([]);
  });

  it('to a channel that the edge has costs no call of Redis', async () => {
    const { redis, edge, client } = await setup();
    const other = await edge.connected();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    redis.calls.length = 0;
    subscribePublic(other, 'news');
    expect(other.of(SUBSCRIBED)).toHaveLength(1);
    expect(redis.calls).toEqual([]);
  });

  it('of many to one channel asks Redis once', async () => {
    const { redis, edge } = await setup();
    const clients = await Promise.all(Array.from({ length: 20 }, () => edge.connected()));
    redis.calls.length = 0;
    for (const client of clients) client.subscribe('private-a');
    await until(() => clients.every((client) => client.of(SUBSCRIBED).length === 1));
    expect(redis.calls.filter((call) => call === 'openChannel')).toHaveLength(1);
  });

  it('that is asked for twice is answered again, and brings its events once', async () => {
    const { edge, client } = await setup();
    subscribePublic(client, 'news');
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    subscribePublic(client, 'news');
    expect(client.of(SUBSCRIBED)).toHaveLength(2);
    // Those that follow have one answer, later.
    for (let times = 0; times < 3; times += 1) subscribePublic(client, 'news');
    expect(client.of(SUBSCRIBED)).toHaveLength(2);
    await until(() => client.of(SUBSCRIBED).length === 3);
    edge.publish('news', 'evt', '1');
    await edge.settled();
    expect(client.of('evt')).toEqual([1]);
  });

  it('that has ended brings nothing, and may begin again', async () => {
    const { edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    unsubscribe(client, 'news');
    edge.publish('news', 'evt', '1');
    await edge.settled();
    subscribePublic(client, 'news');
    edge.publish('news', 'evt', '2');
    await edge.settled();
    expect(client.of('evt')).toEqual([2]);
  });

  it('that ends while its channel is being opened never comes', async () => {
    const { redis, edge, client } = await setup();
    const goOn = redis.hold('openChannel');
    subscribePublic(client, 'news');
    await edge.settled();
    unsubscribe(client, 'news');
    goOn();
    await edge.settled();
    expect(client.of(SUBSCRIBED)).toEqual([]);
    expect(client.connection.subscriptions.size).toBe(0);
    expect(client.connection.opening).toBeNull();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length === 1);
  });

  it.each(['private-a', 'presence-a', 'private-encrypted-a', '#server-to-user-a'])(
    'to %s without a signature is refused, and the connection stays',
    async (channel) => {
      const { client } = await setup();
      subscribePublic(client, channel);
      expect(client.frames().at(-1)).toEqual({
        event: REFUSED,
        channel,
        data: { type: 'AuthError', error: expect.any(String), status: 401 },
      });
      expect(client.socket.closed).toBeNull();
    },
  );

  it.each(['', 'a b', '#online-alice', 'x'.repeat(30_000)])(
    'to %.20s is refused: no channel has that name',
    async (channel) => {
      const { redis, client } = await setup();
      redis.calls.length = 0;
      subscribePublic(client, channel);
      expect(client.of(REFUSED)).toMatchObject([{ type: 'InvalidChannel', status: 400 }]);
      expect(client.socket.writes.at(-1)?.length).toBeLessThan(2000);
      expect(redis.calls).toEqual([]);
    },
  );

  it('is one of a thousand at most, with those that are being opened, or are to be', async () => {
    const { redis, edge, client } = await setup();
    fakeTime();
    const goOn = redis.hold('openChannel');
    for (let index = 0; index < 1500; index += 1) subscribePublic(client, `c${index}`);
    expect(client.of(REFUSED)).toHaveLength(500);
    expect(client.of(REFUSED)[0]).toMatchObject({ type: 'LimitReached' });
    goOn();
    await seconds(edge, 46);
    expect(client.of(SUBSCRIBED)).toHaveLength(1000);
    unsubscribe(client, 'c0');
    subscribePublic(client, 'c1000');
    await seconds(edge, 1);
    expect(client.of(SUBSCRIBED, 'c1000')).toHaveLength(1);
  });
});

describe('a channel that the edge does not have', () => {
  it('is opened at once for the first hundred of a connection, and for twenty a second then; none is refused', async () => {
    const { redis, edge, client } = await setup();
    const other = await edge.connected();
    fakeTime();
    redis.calls.length = 0;
    for (let index = 0; index < 300; index += 1) subscribePublic(client, `c${index}`);
    await edge.settled();
    expect(redis.calls.filter(isOpened)).toHaveLength(100);
    await seconds(edge, 5);
    expect(redis.calls.filter(isOpened)).toHaveLength(200);
    // Another connection does not wait for this one, nor does this one for what is there.
    subscribePublic(other, 'other');
    await edge.settled();
    expect(other.of(SUBSCRIBED)).toHaveLength(1);
    subscribePublic(client, 'other');
    await edge.settled();
    expect(client.of(SUBSCRIBED, 'other')).toHaveLength(1);
    await seconds(edge, 6);
    expect(client.of(SUBSCRIBED)).toHaveLength(301);
    expect(client.of(REFUSED)).toEqual([]);
    // A while later it is as if it had never hurried, and nothing is remembered.
    await seconds(edge, 5);
    expect(edge.door.limited).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('costs its turn when it is left at once, and none when it is left before it had one', async () => {
    const { redis, edge, client } = await setup();
    fakeTime();
    redis.calls.length = 0;
    for (let index = 0; index < 400; index += 1) {
      subscribePublic(client, `c${index}`);
      await edge.settled();
      unsubscribe(client, `c${index}`);
    }
    subscribePublic(client, 'last');
    await edge.settled();
    expect(redis.calls.filter(isOpened)).toHaveLength(100);
    await seconds(edge, 1);
    expect(client.of(SUBSCRIBED, 'last')).toHaveLength(1);
    expect(redis.calls.filter(isOpened)).toHaveLength(101);
  });

  it('is not opened for a connection that is gone', async () => {
    const { redis, edge, client } = await setup();
    fakeTime();
    for (let index = 0; index < 200; index += 1) subscribePublic(client, `c${index}`);
    await edge.settled();
    redis.calls.length = 0;
    edge.door.onClosed(client.connection);
    expect(edge.door.limited).toBe(0);
    await seconds(edge, 10);
    expect(redis.calls.filter(isOpened)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('while Redis is away', () => {
  it('a subscription waits, as clients ask once, and comes when it is back', async () => {
    const { redis, edge, client } = await setup();
    redis.away = true;
    subscribePublic(client, 'news');
    client.subscribe('presence-a', '{"user_id":"u"}');
    await edge.settled();
    expect(client.of(SUBSCRIBED)).toEqual([]);
    redis.away = false;
    await until(() => client.of(SUBSCRIBED).length === 2);
  });

  it('nothing is kept of subscriptions whose connections are gone', async () => {
    const { redis, edge } = await setup();
    redis.away = true;
    for (let round = 0; round < 10; round += 1) {
      await edge.beat();
      redis.away = false;
      const client = await edge.connected();
      redis.away = true;
      for (let index = 0; index < 100; index += 1) subscribePublic(client, `c${round}-${index}`);
      edge.door.onClosed(client.connection);
    }
    expect(edge.door.opening).toBe(0);
    redis.away = false;
    await edge.settled();
    expect(edge.edge.topics.size).toBe(0);
  });
});

describe('a channel that Redis has lost', () => {
  it('is taken up again without a frame, and brings all that is published on the new one', async () => {
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    edge.publish('news', 'evt', '1');
    await edge.settled();
    redis.topics.delete(channelTopic(app.appId, 'news'));
    edge.publish('news', 'evt', '2');
    edge.edge.compareEverything();
    await edge.settled();
    edge.publish('news', 'evt', '3');
    await until(() => client.of('evt').length >= 3);
    expect(client.of('evt')).toEqual([1, 2, 3]);
    expect(client.of(SUBSCRIBED)).toHaveLength(1);
    expect(client.socket.closed).toBeNull();
  });

  it.each<[string, (edge: PusherEdge, log: LogModel) => void | Promise<void>]>([
    [
      'was published while the edge was not subscribed',
      (edge, log) => {
        edge.reconnect();
        log.append(EVENT);
      },
    ],
    [
      'a live event says is before it',
      async (edge, log) => {
        edge.redis.failing.add('readLog');
        log.append(EVENT);
        edge.publish('news', 'evt', '2');
        await edge.settled();
      },
    ],
    [
      'a comparison has found',
      async (edge, log) => {
        edge.redis.failing.add('readLog');
        log.append(EVENT);
        edge.edge.compareEverything();
        await edge.settled();
      },
    ],
  ])('is a loss when what %s had not been read', async (_what, miss) => {
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    await miss(edge, redis.topic(NEWS));
    redis.topics.delete(NEWS);
    redis.failing.clear();
    await edge.settled();
    edge.edge.compareEverything();
    await edge.settled();
    expect(client.socket.closed).toMatchObject({ code: 4100 });
  });

  it('is a loss for a client that had not taken all of it, and for no other', async () => {
    const { redis, edge, client } = await setup();
    const other = await edge.connected();
    for (const one of [client, other]) subscribePublic(one, 'news');
    await until(() => [client, other].every((one) => one.of(SUBSCRIBED).length > 0));
    client.socket.stopped = true;
    edge.publish('news', 'big', 'x'.repeat(70_000));
    await edge.settled();
    edge.publish('news', 'evt', '1');
    await edge.settled();
    redis.topics.delete(NEWS);
    edge.edge.compareEverything();
    await edge.settled();
    edge.publish('news', 'evt', '2');
    await edge.settled();
    expect(client.of('evt')).toEqual([]);
    expect(client.socket.closed).toMatchObject({ code: 4100 });
    expect(other.of('evt')).toEqual([1, 2]);
    expect(other.socket.closed).toBeNull();
  });

  it('is none after a break of the connection to Redis in which nothing was missed', async () => {
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    client.signIn({ id: 'ann' });
    await until(() => client.of(SUBSCRIBED).length > 0);
    edge.reconnect();
    await edge.settled();
    redis.topics.clear();
    edge.edge.compareEverything();
    await edge.settled();
    edge.publish('news', 'evt', '1');
    await edge.settled();
    expect(client.of('evt')).toEqual([1]);
    expect(client.socket.closed).toBeNull();
  });

  it('is none where nothing is published, as where a user is online', async () => {
    const { redis, edge, client } = await setup();
    client.signIn({ id: 'ann' });
    await until(() => client.connection.subscriptions.size === 1);
    edge.reconnect();
    redis.topics.clear();
    await edge.settled();
    await until(() => client.connection.subscriptions.size === 1);
    expect(redis.topics.size).toBe(1);
    expect(client.socket.closed).toBeNull();
  });

  it('is a loss when it takes so long to open it again that it may have been lost once more', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    const goOn = redis.hold('openChannel');
    redis.topics.delete(NEWS);
    edge.edge.compareEverything();
    await edge.settled();
    vi.advanceTimersByTime(61_000);
    goOn();
    await edge.settled();
    expect(client.socket.closed).toMatchObject({ code: 4100 });
  });

  it('is answered, once, to a client that asks for it while it is opened again', async () => {
    const { redis, edge, client } = await setup();
    client.subscribe('presence-a', '{"user_id":"u"}');
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length === 2);
    const goOn = redis.hold('openChannel');
    redis.topics.clear();
    edge.edge.compareEverything();
    await edge.settled();
    client.subscribe('presence-a', '{"user_id":"u"}');
    for (let time = 0; time < 2; time += 1) subscribePublic(client, 'news');
    edge.publish('news', 'evt', '1');
    goOn();
    await until(() => client.of(SUBSCRIBED).length >= 4);
    await edge.settled();
    expect(client.of(SUBSCRIBED, 'news')).toEqual([{}, {}]);
    expect(client.of(SUBSCRIBED, 'presence-a').at(-1)).toMatchObject({ presence: { ids: ['u'] } });
    expect(client.of(SUBSCRIBED)).toHaveLength(4);
    expect(client.of('evt')).toEqual([1]);
  });

  it('of which the log has lost events ends its clients one after the other, and sends them no more', async () => {
    const { redis, edge } = await setup();
    const clients = await Promise.all(Array.from({ length: 80 }, () => edge.connected()));
    for (const one of clients) subscribePublic(one, 'news');
    await until(() => clients.every((one) => one.of(SUBSCRIBED).length > 0));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const log = redis.topic(NEWS);
    for (let index = 0; index < 5; index += 1) log.append(EVENT);
    log.trim(1);
    edge.publish('news', 'after', '1');
    await edge.settled();
    edge.publish('news', 'after', '2');
    await edge.settled();
    const closed = () => clients.filter(({ socket }) => socket.closed !== null).length;
    expect(closed()).toBeGreaterThan(0);
    expect(closed()).toBeLessThan(40);
    expect(edge.edge.counters.lostAnnounced).toBe(80);
    vi.advanceTimersByTime(5000);
    expect(closed()).toBe(80);
    expect(clients.flatMap((one) => one.of('after'))).toEqual([]);
    expect(new Set(clients.map(({ socket }) => socket.closed?.code))).toEqual(new Set([4100]));
  });

  it('of which the log has lost events shows that as a new connection', async () => {
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    const log = redis.topic(channelTopic(app.appId, 'news'));
    for (let index = 0; index < 5; index += 1) log.append(Buffer.from('{}'));
    log.trim(1);
    edge.publish('news', 'evt', '1');
    await edge.settled();
    expect(client.of('pusher:error')).toMatchObject([{ code: 4100 }]);
    expect(client.socket.closed).toMatchObject({ code: 4100 });
  });
});

describe('a client that reads slowly', () => {
  it('gets the channels that it asks for one after the other, as it reads', async () => {
    const { edge, client } = await setup();
    const other = await edge.connected();
    subscribePublic(other, 'news');
    await until(() => other.of(SUBSCRIBED).length > 0);
    const channels = Array.from({ length: 40 }, (_, index) => `cache-${index}`);
    for (const channel of channels) edge.publish(channel, 'evt', 'x'.repeat(10_000), { cached: true });
    client.socket.stopped = true;
    for (const channel of channels) subscribePublic(client, channel);
    await edge.settled();
    for (const channel of ['news', 'late']) subscribePublic(client, channel);
    expect(client.of(SUBSCRIBED).length).toBeLessThan(10);
    expect(client.of(SUBSCRIBED, 'news')).toEqual([]);
    const before = client.of(SUBSCRIBED).length;
    unsubscribe(client, 'cache-39');
    await readOn(edge, client);
    expect(client.of(SUBSCRIBED).length).toBeGreaterThan(before);
    for (let round = 0; round < 10; round += 1) await readOn(edge, client);
    expect(client.of('evt')).toHaveLength(39);
    expect(client.of(SUBSCRIBED)).toHaveLength(41);
    expect(client.of(SUBSCRIBED, 'cache-39')).toEqual([]);
    expect(client.connection.opening).toBeNull();
    expect(client.socket.mostBufferedBytes).toBeLessThan(100_000);
    expect(client.socket.closed).toBeNull();
  });

  it('gets the next channel also when it no more wants the one that is being opened', async () => {
    const { redis, edge, client } = await setup();
    await fill(edge, client);
    for (const channel of ['a', 'b']) subscribePublic(client, channel);
    const goOn = redis.hold('openChannel');
    await readOn(edge, client);
    unsubscribe(client, 'a');
    goOn();
    await until(() => client.of(SUBSCRIBED, 'b').length > 0);
    expect(client.of(SUBSCRIBED, 'a')).toEqual([]);
  });

  it('misses nothing of a channel that it asked for again, and that Redis lost then', async () => {
    const { redis, edge, client } = await setup();
    subscribePublic(client, 'news');
    await until(() => client.of(SUBSCRIBED).length > 0);
    await fill(edge, client);
    subscribePublic(client, 'news');
    redis.topics.delete(NEWS);
    edge.edge.compareEverything();
    await edge.settled();
    edge.publish('news', 'evt', '1');
    await edge.settled();
    await readOn(edge, client);
    await until(() => client.of('evt').length > 0);
    expect(client.of('evt')).toEqual([1]);
    expect(client.of(SUBSCRIBED, 'news')).toHaveLength(2);
    expect(client.socket.closed).toBeNull();
  });

  it('gets the members of large presence channels, also when it asks again, and stays', async () => {
    const { edge, client } = await setup();
    const rooms = ['presence-a', 'presence-b'];
    const members = await Promise.all(Array.from({ length: 80 }, () => edge.connected()));
    for (const [index, member] of members.entries()) {
      const user = JSON.stringify({ user_id: `u${index}`, user_info: { about: 'x'.repeat(1900) } });
      for (const room of rooms) member.subscribe(room, user);
    }
    await until(() => rooms.every((room) => edge.redis.presence.members(channelTopic(app.appId, room)).length === 80));
    client.socket.stopped = true;
    for (const room of [...rooms, ...rooms]) client.subscribe(room, '{"user_id":"u0"}');
    await until(() => client.of(SUBSCRIBED).length > 0);
    await edge.settled();
    for (const room of rooms) client.subscribe(room, '{"user_id":"u0"}');
    for (let round = 0; round < 4; round += 1) await readOn(edge, client);
    expect(client.of(SUBSCRIBED, 'presence-a').length).toBeGreaterThan(0);
    expect(client.of(SUBSCRIBED, 'presence-b').length).toBeGreaterThan(0);
    expect(client.socket.mostBufferedBytes).toBeLessThan(200_000);
    expect(client.socket.closed).toBeNull();
  });
});

describe('a cache channel', () => {
  it('without an event says so, and has an event for webhooks that want it', async () => {
    const { redis, client } = await setup();
    redis.channels.wanted.add('channel.cache-miss');
    subscribePublic(client, 'cache-a');
    await until(() => client.of(MISS).length > 0);
    expect(client.frames().slice(-2)).toEqual([
      { event: SUBSCRIBED, channel: 'cache-a', data: '{}' },
      { event: MISS, channel: 'cache-a' },
    ]);
    expect(redis.channels.events).toEqual([
      { topic: channelTopic(app.appId, 'cache-a'), type: 'channel.cache-miss', data: {} },
    ]);
  });

  it('without an event has such an event once a second, however many ask', async () => {
    const { redis, edge } = await setup();
    redis.channels.wanted.add('channel.cache-miss');
    const clients = await Promise.all(Array.from({ length: 5 }, () => edge.connected()));
    fakeTime();
    for (const client of clients) subscribePublic(client, 'cache-a');
    await edge.settled();
    expect(clients.map((client) => client.of(MISS).length)).toEqual([1, 1, 1, 1, 1]);
    expect(redis.channels.events).toHaveLength(1);
    await seconds(edge, 2);
    for (const channel of ['cache-a', 'cache-b']) {
      unsubscribe(clients[0] as PusherClient, channel);
      subscribePublic(clients[0] as PusherClient, channel);
    }
    await edge.settled();
    expect(redis.channels.events).toHaveLength(3);
  });

  it('brings its last event, then what follows, each once, whenever it is joined', async () => {
    const { edge, redis } = await setup();
    for (let round = 0; round < 10; round += 1) {
      const client = await edge.connected();
      edge.publish('cache-a', 'evt', `${round}.1`, { cached: true });
      const goOn = redis.hold('openChannel');
      subscribePublic(client, 'cache-a');
      await edge.settled();
      edge.publish('cache-a', 'evt', `${round}.2`, { cached: true });
      await edge.settled();
      edge.publish('cache-a', 'evt', `${round}.3`, { cached: true });
      goOn();
      edge.publish('cache-a', 'evt', `${round}.4`, { cached: true });
      await until(() => client.of('evt').length >= 4);
      await edge.settled();
      // As it was when Redis was asked: with the first event.
      expect(client.of('evt')).toEqual([1, 2, 3, 4].map((part) => Number(`${round}.${part}`)));
      expect(client.of(MISS)).toEqual([]);
      edge.door.onClosed(client.connection);
    }
  });
});
