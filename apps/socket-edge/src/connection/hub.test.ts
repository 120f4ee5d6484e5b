import { closeCodes } from '@holdfast/protocol/close-codes';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';

const CLIENT = 'c1';
const RESUME_DEADLINE_MS = 5000;
const ATTACH_DEADLINE_MS = 5000;

afterEach(() => {
  vi.useRealTimers();
});

/** Timers stand still until the test moves them; the turns of the event loop go on. */
const fakeTimers = () =>
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });

function installation(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  return { redis, edge: memoryEdge(redis) };
}

describe('a claim', () => {
  it('is not given to a client that is not registered', async () => {
    const { edge } = installation();
    expect(await edge.hub.claim('unregistered')).toBeNull();
  });

  it('replaces the older connection of the same client, here', async () => {
    const { redis, edge } = installation('news');
    const older = await edge.connected(CLIENT);
    const newer = await edge.connected(CLIENT);
    expect(older.socket.closed).toEqual({ code: 4409, reason: closeCodes.replaced.reason });
    expect(newer.socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner?.generation).toBe(newer.connection.generation);
    expect(edge.registry.size).toBe(1);
    // The end of the older one gives nothing up.
    edge.hub.onClosed(older.connection);
    await edge.settled();
    expect(redis.client(CLIENT).owner?.generation).toBe(newer.connection.generation);
    const id = redis.publish('news', '1');
    await edge.settled();
    expect([older.socket.idsOf('news'), newer.socket.idsOf('news')]).toEqual([[], [id]]);
  });

  it('replaces the older connection of the same client, at another edge', async () => {
    const { redis, edge } = installation('news');
    const other = memoryEdge(redis, 'edge-b');
    const older = await edge.connected(CLIENT);
    const newer = await other.connected(CLIENT);
    await edge.settled();
    expect(older.socket.closed).toMatchObject({ code: 4409 });
    edge.hub.onClosed(older.connection);
    await edge.settled();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-b', generation: newer.connection.generation });
  });

  it('is given up when the handshake behind it fails', async () => {
    const { redis, edge } = installation();
    const claim = await edge.hub.claim(CLIENT);
    if (claim) claim.abandon();
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();
  });

  it.each(['edge-a', 'edge-b'])(
    'for a handshake that fails takes nothing from the connection that is there: at %s',
    async (at) => {
      const { redis, edge } = installation('news');
      const older = await edge.connected(CLIENT);
      const owner = redis.client(CLIENT).owner;
      const late = at === 'edge-a' ? edge : memoryEdge(redis, at);
      const claim = await late.hub.claim(CLIENT);
      if (claim) claim.abandon();
      await edge.settled();
      await late.settled();
      await edge.settled();
      expect(older.socket.closed).toBeNull();
      expect(redis.client(CLIENT).owner).toEqual(owner);
      const id = redis.publish('news', '1');
      await edge.settled();
      expect(older.socket.idsOf('news')).toEqual([id]);
    },
  );

  it('whose answer got lost leaves no late owner, and the older connection owns its client again', async () => {
    const { redis, edge } = installation();
    redis.answersLost.add('claim');
    await expect(edge.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
    await edge.settled();
    expect(redis.client(CLIENT).owner).toBeNull();

    redis.answersLost.clear();
    const { socket, connection } = await edge.connected(CLIENT);
    redis.answersLost.add('claim');
    await expect(edge.hub.claim(CLIENT)).rejects.toThrow('Redis does not answer');
    redis.answersLost.clear();
    await edge.settled();
    expect(socket.closed).toBeNull();
    expect(redis.client(CLIENT).owner).toEqual({ edge: 'edge-a', generation: connection.generation });
  });
});

describe('frames of a client', () => {
  it('a ping is answered, in every phase', async () => {
    const { edge } = installation();
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    edge.hub.onText(connection, '{"type":"ping"}');
    expect(socket.frames).toEqual([{ type: 'pong' }]);
    await edge.resume(connection, {});
    edge.hub.onText(connection, '{"type":"ping"}');
    expect(socket.of('pong')).toHaveLength(2);
  });

  it.each([
    ['no JSON', 'hello'],
    ['JSON that is no object', '[]'],
    ['an unknown type', '{"type":"subscribe"}'],
    ['a field too many', '{"type":"ping","x":1}'],
    ['a prototype', '{"type":"ping","__proto__":{"x":1}}'],
    ['a frame of the edge', '{"type":"pong"}'],
    ['a resume that was not announced', '{"type":"resume","positions":{}}'],
    ['a position that is none', '{"type":"resume","positions":{"news":"last"}}'],
    ['a position with a zero before its time', '{"type":"resume","positions":{"news":"01-0"}}'],
    ['a position with a zero before its sequence', '{"type":"resume","positions":{"@me":"1-00"}}'],
    ['many brackets', '['.repeat(60_000)],
  ])('%s ends the connection with 4400', async (_, text) => {
    const { edge } = installation();
    const { socket, connection } = await edge.connected(CLIENT);
    edge.hub.onText(connection, text);
    expect(socket.closed).toMatchObject({ code: 4400, reason: expect.stringMatching(/^bad-frame: /) });
    expect(edge.counters.badFrames).toBe(1);
  });

  it('a resume in several frames is one: every position counts, and the welcome waits for the last frame', async () => {
    const { redis, edge } = installation('news', 'sport');
    const seen = { news: redis.publish('news', '1'), sport: redis.publish('sport', '1') };
    const missed = { news: redis.publish('news', '2'), sport: redis.publish('sport', '2') };
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    const send = (frame: object) => edge.hub.onText(connection, JSON.stringify(frame));
    send({ type: 'resume', positions: { news: seen.news }, more: true });
    send({ type: 'ping' });
    await edge.settled();
    expect(socket.frames).toEqual([{ type: 'pong' }]);
    send({ type: 'resume', positions: { sport: seen.sport } });
    await edge.settled();
    expect(socket.of('welcome')).toMatchObject([
      { topics: { news: { recovered: true }, sport: { recovered: true }, '@me': { recovered: false } } },
    ]);
    expect([socket.idsOf('news'), socket.idsOf('sport')]).toEqual([[missed.news], [missed.sport]]);
    send({ type: 'resume', positions: {} });
    expect(socket.closed).toMatchObject({ code: 4400 });
  });

  it('a resume whose frames name a topic twice, or too many topics, ends it with 4400', async () => {
    const { edge } = installation();
    for (const positions of [
      { 'topic-0': '1-0' },
      Object.fromEntries(Array.from({ length: 1002 }, (_, number) => [`other-${number}`, '1-0'])),
    ]) {
      const { socket, connection } = await edge.connected(CLIENT, { resume: true });
      edge.hub.onText(connection, JSON.stringify({ type: 'resume', positions: { 'topic-0': '1-0' }, more: true }));
      expect(socket.closed).toBeNull();
      edge.hub.onText(connection, JSON.stringify({ type: 'resume', positions, more: true }));
      expect(socket.closed).toMatchObject({ code: 4400, reason: expect.stringMatching(/^bad-frame: positions/) });
    }
  });

  it.each(['news', '@me'])(
    'a position of %s that is not canonical ends it with 4400, and the edge goes on',
    async (topic) => {
      for (const form of [(id: string) => `0${id}`, (id: string) => id.replace('-', '-0'), (id: string) => `${id} `]) {
        const { redis, edge } = installation('news');
        redis.register('c2', ['news']);
        const other = await edge.connected('c2');
        redis.publishToClient(CLIENT, '1');
        const last = redis.publish('news', '2');
        const { socket, connection } = await edge.connected(CLIENT, { resume: true });
        const calls = redis.calls.length;
        await edge.resume(connection, { [topic]: form(topic === '@me' ? redis.client(CLIENT).ownPosition : last) });
        expect(socket.closed).toMatchObject({ code: 4400, reason: expect.stringMatching(/^bad-frame: positions\./) });
        expect(redis.calls.slice(calls)).not.toContain('readLog');
        expect(redis.calls.slice(calls)).not.toContain('readClientLog');
        const id = redis.publish('news', '3');
        await edge.settled();
        expect(other.socket.idsOf('news')).toEqual([last, id]);
      }
    },
  );

  it('a second resume ends it with 4400', async () => {
    const { edge } = installation();
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, {});
    await edge.resume(connection, {});
    expect(socket.of('welcome')).toHaveLength(1);
    expect(socket.closed).toMatchObject({ code: 4400 });
  });

  it('the reason fits into a close frame, whatever was sent', async () => {
    const { edge } = installation();
    for (const name of ['日'.repeat(5000), 'a'.repeat(5000), '🙂'.repeat(300), `x${'é'.repeat(300)}`]) {
      const { socket, connection } = await edge.connected(CLIENT, { resume: true });
      edge.hub.onText(connection, JSON.stringify({ type: 'resume', positions: { [name]: '1-0' } }));
      expect(Buffer.byteLength(socket.closed?.reason ?? '')).toBeLessThanOrEqual(123);
      expect(socket.closed?.reason).not.toContain('\uFFFD');
      expect(socket.closed).toMatchObject({ code: 4400 });
    }
  });
});

describe('deadlines', () => {
  it('a connection that announced a resume frame and sends none is closed with 4408', async () => {
    const { edge } = installation();
    fakeTimers();
    const { socket } = await edge.connected(CLIENT, { resume: true });
    vi.advanceTimersByTime(RESUME_DEADLINE_MS - 1);
    expect(socket.closed).toBeNull();
    vi.advanceTimersByTime(1);
    expect(socket.closed).toMatchObject({ code: 4408 });
  });

  it('one whose last resume frame does not come in time is closed with 4408, however many came', async () => {
    const { edge } = installation();
    fakeTimers();
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    for (let waited = 0; waited < RESUME_DEADLINE_MS; waited += 1000) {
      expect(socket.closed).toBeNull();
      const positions = { [`topic-${waited}`]: '1-0' };
      edge.hub.onText(connection, JSON.stringify({ type: 'resume', positions, more: true }));
      vi.advanceTimersByTime(1000);
    }
    expect(socket.closed).toMatchObject({ code: 4408 });
    await edge.resume(connection, {});
    expect(socket.frames).toEqual([]);
  });

  it('one that sent it is not', async () => {
    const { edge } = installation();
    fakeTimers();
    const { socket, connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, {});
    vi.advanceTimersByTime(10 * RESUME_DEADLINE_MS);
    expect(socket.closed).toBeNull();
  });

  it('one whose topics cannot be found out is asked to come later, and leaves nothing behind', async () => {
    const { redis, edge } = installation('news');
    fakeTimers();
    const claim = await edge.hub.claim(CLIENT);
    const goOn = redis.hold();
    const socket = new RecordingTransport();
    if (claim) claim.open(socket, false);
    await edge.settled();
    vi.advanceTimersByTime(ATTACH_DEADLINE_MS);
    expect(socket.closed).toMatchObject({ code: 1013 });
    goOn();
    await edge.settled();
    expect(socket.frames).toEqual([]);
    expect(edge.topics.open('news', redis.topic('news').incarnation).size).toBe(0);
  });

  it('end with the connection', async () => {
    const { edge } = installation();
    fakeTimers();
    const { connection } = await edge.connected(CLIENT, { resume: true });
    edge.hub.onClosed(connection);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('the end of a connection releases its client, and its place', async () => {
  const { redis, edge } = installation('news');
  const { connection, socket } = await edge.connected(CLIENT);
  edge.hub.onClosed(connection);
  await edge.settled();
  expect(redis.client(CLIENT).owner).toBeNull();
  expect(edge.registry.size).toBe(0);
  redis.publish('news', '1');
  await edge.settled();
  expect(socket.idsOf('news')).toEqual([]);
});

it('the edge answers a survey with what it serves to a client', async () => {
  const { redis, edge } = installation('news');
  const stop = edge.start('ws://edge');
  const { connection } = await edge.connected(CLIENT);
  const reached = redis.publish('news', '1');
  await edge.settled();
  redis.sendTo('edge-a', { kind: 'served', surveyId: 'q1', clientId: CLIENT });
  redis.sendTo('edge-a', { kind: 'served', surveyId: 'q2', clientId: 'unregistered' });
  await edge.settled();
  stop();
  await expect
    .poll(() => redis.answers.toSorted((a, b) => a.surveyId.localeCompare(b.surveyId)))
    .toMatchObject([
      {
        surveyId: 'q1',
        payload: { connection: connection.id, generation: connection.generation, topics: { news: reached } },
      },
      { surveyId: 'q2', payload: null },
    ]);
});
