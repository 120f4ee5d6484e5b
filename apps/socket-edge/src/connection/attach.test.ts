import { closeCodes } from '@holdfast/protocol/close-codes';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';

const CLIENT = 'c1';
/** More than may wait for a socket, control frames included. */
const FULL_BYTES = 1024 * 1024;
/** More than a beat of the lease, with its jitter. */
const BEAT_MS = 1100;

afterEach(() => {
  vi.useRealTimers();
});

function installation(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  return { redis, edge: memoryEdge(redis) };
}

describe('a connection that does not resume', () => {
  it('is welcomed with its topics at their present end, and gets what comes after', async () => {
    const { redis, edge } = installation('news', 'sport');
    const before = redis.publish('news', '"before"');
    const { socket, connection } = await edge.connected(CLIENT);
    expect(socket.frames).toEqual([
      {
        type: 'welcome',
        connection: `edge-a-${connection.id}`,
        heartbeatMs: 25_000,
        topics: {
          news: { position: before },
          sport: { position: redis.topic('sport').last },
          '@me': { position: '1000-0' },
        },
      },
    ]);
    const after = redis.publish('news', '"after"');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([after]);
  });

  it('gets nothing between its welcome and the first live message left out, whatever comes meanwhile', async () => {
    const { redis, edge } = installation('news');
    const made = await edge.connect(CLIENT);
    const goOn = redis.hold();
    await edge.settled();
    const during = redis.publish('news', '1');
    goOn();
    await edge.settled();
    const after = redis.publish('news', '2');
    await edge.settled();
    const [welcome] = made?.socket.of('welcome') ?? [];
    const position = welcome?.topics['news']?.position;
    const wanted = position === during ? [after] : [during, after];
    expect(made?.socket.idsOf('news')).toEqual(wanted);
  });

  it('that has no room for its welcome is closed, and takes part in nothing', async () => {
    const { redis, edge } = installation('news');
    const made = await edge.connect(CLIENT);
    if (made) made.socket.bufferedBytes = FULL_BYTES;
    await edge.settled();
    expect(made?.socket.closed).toMatchObject({ code: closeCodes.tooSlow.code });
    expect(made?.connection.phase).toBe('closed');
    expect(made?.connection.subscriptions.size).toBe(0);
    redis.publish('news', '1');
    await edge.settled();
    expect(made?.socket.writes).toEqual([]);
  });

  it('is not shown a topic that is gone, nor of a new one that has its name', async () => {
    const { redis, edge } = installation('gone', 'renewed', 'there');
    redis.topics.delete('gone');
    redis.topics.delete('renewed');
    redis.topic('renewed');
    const { socket } = await edge.connected(CLIENT);
    expect(Object.keys(socket.of('welcome')[0]?.topics ?? {})).toEqual(['there', '@me']);
    redis.publish('renewed', '1');
    await edge.settled();
    expect(socket.idsOf('renewed')).toEqual([]);
  });

  it('that is ahead of the edge, by a subscription that starts after what it has received, waits for what comes after', async () => {
    const { redis, edge } = installation();
    redis.register('c0', ['news']);
    await edge.connected('c0');
    redis.publish('news', '1', { live: false });
    redis.subscribe(CLIENT, 'news');
    const { socket } = await edge.connected(CLIENT);
    expect(socket.of('welcome')[0]?.topics['news']).toEqual({ position: redis.topic('news').last });
    const next = redis.publish('news', '2');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([next]);
  });
});

describe('a connection that resumes', () => {
  it('is welcomed after its resume frame only, and gets what it missed, then what is live', async () => {
    const { redis, edge } = installation('news', 'sport');
    const ids = ['1', '2', '3', '4'].map((data) => redis.publish('news', data));
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    expect(socket.frames).toEqual([]);
    const [seen = ''] = ids;
    await edge.resume(connection, { news: seen });
    expect(socket.of('welcome')[0]?.topics).toEqual({
      news: { position: seen, recovered: true },
      sport: { position: redis.topic('sport').last, recovered: false },
      '@me': { position: '1000-0', recovered: false },
    });
    const live = redis.publish('news', '5');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([...ids.slice(1), live]);
    expect(socket.of('lost')).toEqual([]);
  });

  it('is announced what the log has no more, right after its welcome', async () => {
    const { redis, edge } = installation('news');
    const ids = ['1', '2', '3', '4'].map((data) => redis.publish('news', data));
    redis.topic('news').trim(1);
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { news: ids[0] ?? '' });
    expect(socket.frames).toEqual([
      expect.objectContaining({
        type: 'welcome',
        topics: expect.objectContaining({ news: { position: ids[2], recovered: false } }),
      }),
      { type: 'lost', topic: 'news', after: ids[0], position: ids[2] },
      { type: 'message', topic: 'news', id: ids[3], data: 4 },
    ]);
    expect(edge.counters.lostAnnounced).toBe(1);
  });

  it('gets nothing from before its subscription began, which is announced as lost', async () => {
    const { redis, edge } = installation();
    const before = redis.publish('news', '1');
    const begin = redis.publish('news', '2');
    redis.subscribe(CLIENT, 'news');
    const after = redis.publish('news', '3');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { news: before });
    expect(socket.of('welcome')[0]?.topics['news']).toEqual({ position: begin, recovered: false });
    expect(socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: before, position: begin }]);
    expect(socket.idsOf('news')).toEqual([after]);
  });

  it('from before its subscription began is recovered when nothing was published between the two', async () => {
    const { redis, edge } = installation();
    const before = redis.publish('news', '1');
    redis.subscribe(CLIENT, 'news');
    redis.unsubscribe(CLIENT, 'news');
    redis.subscribe(CLIENT, 'news');
    const after = redis.publish('news', '2');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { news: before });
    expect(socket.of('welcome')[0]?.topics['news']).toEqual({ position: before, recovered: true });
    expect(socket.of('lost')).toEqual([]);
    expect(socket.idsOf('news')).toEqual([after]);
  });

  it('registered anew, with topics made anew, and an old position is announced all that lies between', async () => {
    const { redis, edge } = installation('news');
    redis.publish('news', '1');
    const [seen, ownSeen] = [redis.publish('news', '2'), redis.publishToClient(CLIENT, '3')];
    // Redis comes back empty, and everything is made again under the old names.
    redis.unregister(CLIENT);
    redis.deleteTopic('news');
    redis.publish('news', '"between"');
    redis.register(CLIENT, ['news']);
    const begin = redis.topic('news').last;
    const { ownPosition } = redis.client(CLIENT);
    const after = redis.publish('news', '4');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { news: seen, '@me': ownSeen });
    expect(socket.of('welcome')[0]?.topics).toEqual({
      news: { position: begin, recovered: false },
      '@me': { position: ownPosition, recovered: false },
    });
    expect(socket.of('lost')).toEqual([
      { type: 'lost', topic: 'news', after: seen, position: begin },
      { type: 'lost', topic: '@me', after: ownSeen, position: ownPosition },
    ]);
    expect(socket.idsOf('news')).toEqual([after]);
    const own = redis.publishToClient(CLIENT, '5');
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual([own]);
  });

  it('gets what was published on a topic that it was subscribed to between the 101 and its resume frame', async () => {
    const { redis, edge } = installation('news');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    const before = redis.publish('sport', '"before"');
    redis.subscribe(CLIENT, 'sport');
    const ids = ['1', '2'].map((data) => redis.publish('sport', data));
    await edge.settled();
    await edge.resume(connection, { news: redis.topic('news').last });
    expect(socket.of('welcome')[0]?.topics['sport']).toEqual({ position: before, recovered: false });
    expect(socket.idsOf('sport')).toEqual(ids);
    expect(socket.of('lost')).toEqual([]);
  });

  it('gets the same when the topic was known, left and taken up again before the resume frame', async () => {
    const { redis, edge } = installation('news');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    redis.unsubscribe(CLIENT, 'news');
    const between = redis.publish('news', '"not for it"');
    redis.subscribe(CLIENT, 'news');
    const wanted = redis.publish('news', '1');
    await edge.settled();
    await edge.resume(connection, {});
    expect(socket.of('welcome')[0]?.topics['news']).toEqual({ position: between, recovered: false });
    expect(socket.idsOf('news')).toEqual([wanted]);
  });

  it('may name topics that it does not have, or positions that never were', async () => {
    const { redis, edge } = installation('news');
    const last = redis.publish('news', '1');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { other: '1-0', news: '999999999999999-0' });
    expect(socket.of('welcome')[0]?.topics).toMatchObject({ news: { position: last, recovered: false } });
    expect(socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: '999999999999999-0', position: last }]);
    const live = redis.publish('news', '2');
    await edge.settled();
    expect(socket.idsOf('news')).toEqual([live]);
  });

  it('is served by what it wants when its resume frame comes, not by what it wanted when it was claimed', async () => {
    const { redis, edge } = installation('news', 'given-up');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    const seen = redis.topic('given-up').last;
    redis.unsubscribe(CLIENT, 'given-up');
    redis.subscribe(CLIENT, 'sport');
    await edge.settled();
    const began = redis.topic('sport').last;
    redis.publish('given-up', '"not for it"');
    const wanted = redis.publish('sport', '"for it"');
    await edge.resume(connection, { 'given-up': seen, sport: began });
    expect(Object.keys(socket.of('welcome')[0]?.topics ?? {})).toEqual(['news', 'sport', '@me']);
    expect(socket.idsOf('given-up')).toEqual([]);
    expect(socket.idsOf('sport')).toEqual([wanted]);
  });

  it('gets its own messages that it missed, and those that are gone are announced', async () => {
    const { redis, edge } = installation();
    const ids = ['1', '2', '3'].map((data) => redis.publishToClient(CLIENT, data));
    const first = await edge.connected(CLIENT, { resume: true });
    await edge.resume(first.connection, { '@me': ids[0] ?? '' });
    expect(first.socket.of('welcome')[0]?.topics['@me']).toEqual({ position: ids[0], recovered: true });
    expect(first.socket.idsOf('@me')).toEqual(ids.slice(1));

    redis.ownLogs.get(CLIENT)?.trim(1);
    const second = await edge.connected(CLIENT, { resume: true });
    await edge.resume(second.connection, { '@me': '1000-0' });
    expect(second.socket.of('welcome')[0]?.topics['@me']).toEqual({ position: ids[1], recovered: false });
    expect(second.socket.of('lost')).toEqual([{ type: 'lost', topic: '@me', after: '1000-0', position: ids[1] }]);
    expect(second.socket.idsOf('@me')).toEqual(ids.slice(2));
  });
});

describe('own messages', () => {
  it('come in order and once, however often the edge is woken', async () => {
    const { redis, edge } = installation();
    const { socket } = await edge.connected(CLIENT);
    const ids: string[] = [];
    for (let count = 0; count < 200; count += 1) {
      ids.push(redis.publishToClient(CLIENT, `${count}`));
      if (count % 7 === 0) await edge.settled();
      redis.notify('edge-a', CLIENT);
    }
    await edge.settled();
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual(ids);
  });

  it('wait while the socket is full, and follow when it has room', async () => {
    const { redis, edge } = installation();
    const { socket, connection } = await edge.connected(CLIENT);
    socket.stopped = true;
    const ids = Array.from({ length: 50 }, () => redis.publishToClient(CLIENT, `"${'x'.repeat(10_000)}"`));
    await edge.settled();
    expect(socket.bufferedBytes).toBeLessThan(90_000);
    socket.resume();
    edge.hub.onDrain(connection);
    await edge.settled();
    expect(socket.idsOf('@me')).toEqual(ids);
  });

  it('that could not be read when the socket had room again are read at the next beat', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    const { redis, edge } = installation();
    const stop = edge.start('ws://edge');
    const { socket, connection } = await edge.connected(CLIENT);
    socket.stopped = true;
    const ids = Array.from({ length: 20 }, () => redis.publishToClient(CLIENT, `"${'x'.repeat(10_000)}"`));
    await edge.settled();
    redis.answersLost.add('readClientLog');
    socket.resume();
    edge.hub.onDrain(connection);
    await edge.settled();
    expect(socket.idsOf('@me').length).toBeLessThan(ids.length);
    redis.answersLost.clear();
    await vi.advanceTimersByTimeAsync(BEAT_MS);
    await edge.settled();
    stop();
    expect(socket.idsOf('@me')).toEqual(ids);
  });
});

describe('when Redis is away', () => {
  it('a connection that has no welcome yet is asked to come later', async () => {
    const { redis, edge } = installation('news');
    const begin = redis.topic('news').last;
    redis.publish('news', '1');
    redis.register('c2', ['news']);
    await edge.connected('c2');
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    redis.away = true;
    await edge.resume(connection, { news: begin });
    expect(socket.closed).toEqual({ code: 1013, reason: 'try-later' });
    expect(connection.subscriptions.size).toBe(0);
  });

  it('a connection that has missed nothing is welcomed without it', async () => {
    const { redis, edge } = installation('news');
    await edge.connected(CLIENT);
    const ids = ['1', '2'].map((data) => redis.publish('news', data));
    await edge.settled();
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    redis.away = true;
    await edge.resume(connection, { news: ids[1] ?? '' });
    expect(socket.of('welcome')[0]?.topics['news']).toEqual({ position: ids[1], recovered: true });
  });
});
