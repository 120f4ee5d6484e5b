import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, idsOf, startBackend } from './backend.ts';

/** Rounds of each race: what goes wrong once in a hundred times is found. */
const ROUNDS = 1000;

describe('the promises, over REST and real processes', () => {
  let backend: Backend & AsyncDisposable;
  beforeAll(async () => {
    backend = await startBackend();
  });
  afterAll(() => backend[Symbol.asyncDispose]());

  it('messages published at once by many arrive in the order of their ids on every connection', async () => {
    await backend.topic('order');
    const clients = await Promise.all(Array.from({ length: 20 }, () => backend.register(['order'])));
    const sockets = await Promise.all(clients.map((client, index) => backend.connect(client, { edge: index % 2 })));
    await Promise.all(sockets.map((socket) => socket.next('welcome')));
    const published = await Promise.all(Array.from({ length: 500 }, (_, n) => backend.publish('order', n)));
    const expected = published.toSorted(byPosition);
    for (const socket of sockets) {
      await eventually(() => expect(idsOf(socket, 'order')).toHaveLength(expected.length));
      expect(idsOf(socket, 'order')).toEqual(expected);
    }
  });

  it(
    `a publish right after the 202 of a subscribe is received, ${ROUNDS} of ${ROUNDS} times`,
    { timeout: 180_000 },
    async () => {
      await backend.topic('at-once');
      let received = 0;
      await inParallel(20, ROUNDS, async () => {
        const client = await backend.register([]);
        const socket = await backend.connect(client, { edge: received % 2 });
        await socket.next('welcome');
        const answer = await backend.call('POST', `/v1/clients/${client}/topics`, { body: { topics: ['at-once'] } });
        expect(answer.body['connected']).toBe(true);
        const id = await backend.publish('at-once', null);
        await socket.next((frame) => frame.type === 'message' && frame['id'] === id);
        received += 1;
        await socket.close();
        await backend.call('DELETE', `/v1/clients/${client}`);
      });
      expect(received).toBe(ROUNDS);
    },
  );

  it(
    `a resume after a cut connection misses nothing and repeats nothing, ${ROUNDS} of ${ROUNDS} times`,
    { timeout: 180_000 },
    async () => {
      await backend.topic('cut', { size: 20_000 });
      const stop = new AbortController();
      const published: string[] = [];
      const publisher = (async () => {
        while (!stop.signal.aborted) published.push(await backend.publish('cut', published.length));
      })();
      const logs = await Promise.all(Array.from({ length: 10 }, () => cutAndResume(ROUNDS / 10)));
      stop.abort();
      await publisher;
      for (const { first, ids } of logs) {
        const from = published.findIndex((id) => byPosition(id, first) > 0);
        const to = published.indexOf(ids.at(-1) ?? '');
        expect(ids).toEqual(published.slice(from, to + 1));
      }
    },
  );

  /** Cuts and resumes one client again and again; gives where it began and every id it received. */
  async function cutAndResume(rounds: number): Promise<{ first: string; ids: string[] }> {
    const client = await backend.register(['cut']);
    let socket = await backend.connect(client);
    const welcome = await socket.next('welcome');
    const first = (welcome['topics'] as Record<string, { position: string }>)['cut']?.position ?? '';
    const ids: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // Until something new came, so that each cut falls between messages.
      await socket.next('message');
      socket.terminate();
      await socket.closed;
      ids.push(...idsOf(socket, 'cut'));
      socket = await backend.connect(client, { edge: round % 2, resume: true });
      socket.send({ type: 'resume', positions: { cut: ids.at(-1) } });
      expect(await socket.next('welcome')).toMatchObject({ topics: { cut: { recovered: true } } });
    }
    await socket.next('message');
    await socket.close();
    return { first, ids: [...ids, ...idsOf(socket, 'cut')] };
  }

  it.each([
    ['on the edge that it left, which remembers more', 0],
    ['on another edge', 1],
  ])('a resume past the history says recovered:false and lost, and goes on with what is kept: %s', async (_, edge) => {
    await backend.topic('short', { size: 3 });
    const client = await backend.register(['short']);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    const seen = await backend.publish('short', 0);
    await socket.next('message');
    await socket.close();
    const ids: string[] = [];
    for (let n = 1; n <= 6; n += 1) ids.push(await backend.publish('short', n));
    const again = await backend.connect(client, { edge, resume: true });
    again.send({ type: 'resume', positions: { short: seen } });
    expect(await again.next('welcome')).toMatchObject({ topics: { short: { position: ids[2], recovered: false } } });
    expect(await again.next('lost')).toEqual({ type: 'lost', topic: 'short', after: seen, position: ids[2] });
    await eventually(() => expect(idsOf(again, 'short')).toEqual(ids.slice(3)));
  });

  it('whoever sees the connection open misses nothing from then on, 200 of 200 times', async () => {
    for (let round = 0; round < 200; round += 1) {
      // A topic of its own, so that the edge has never heard it.
      await backend.topic(`opened.${round}`);
      const client = await backend.register([`opened.${round}`]);
      const socket = await backend.connect(client, { edge: round % 2 });
      const id = await backend.publish(`opened.${round}`, round);
      expect(await socket.next('message')).toMatchObject({ id });
      socket.terminate();
    }
  });

  it('what is published between the 202 of a subscribe and an unsubscribe arrives, however short that is, 300 of 300 times', async () => {
    await backend.topic('brief');
    const client = await backend.register([]);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    const topics = `/v1/clients/${client}/topics`;
    const wanted: string[] = [];
    for (let round = 0; round < 300; round += 1) {
      expect((await backend.call('POST', topics, { body: { topics: 'brief' } })).status).toBe(202);
      wanted.push(await backend.publish('brief', round));
      expect((await backend.call('DELETE', topics, { body: { topics: 'brief' } })).status).toBe(202);
      await backend.publish('brief', 'between');
    }
    await eventually(() => {
      const received = idsOf(socket, 'brief');
      expect(wanted.filter((id) => !received.includes(id))).toEqual([]);
      expect(received).toEqual([...new Set(received)].toSorted(byPosition));
    });
    expect(socket.frames.filter(({ type }) => type === 'lost')).toEqual([]);
  });

  it('within a second after the 202 of an unsubscribe nothing more arrives', async () => {
    await backend.topic('left');
    const client = await backend.register(['left']);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    const answer = await backend.call('DELETE', `/v1/clients/${client}/topics`, { body: { topics: 'left' } });
    expect(answer).toMatchObject({ status: 202, body: { topics: [] } });
    expect(await socket.next('unsubscribed')).toMatchObject({ topic: 'left', reason: 'requested' });
    await backend.publish('left', 'not for you');
    // What follows on the same connection has overtaken nothing: the message never came.
    await backend.call('POST', `/v1/clients/${client}/messages`, { body: 'end' });
    await socket.next((frame) => frame['topic'] === '@me');
    expect(idsOf(socket, 'left')).toEqual([]);
  });

  it('nothing arrives of topics without a subscription, and nothing from before it', async () => {
    await Promise.all(['subscribed', 'other'].map((topic) => backend.topic(topic)));
    await backend.publish('subscribed', 'before');
    const client = await backend.register(['subscribed']);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    await backend.publish('other', 'other');
    const id = await backend.publish('subscribed', 'mine');
    await socket.next((frame) => frame['id'] === id);
    expect(socket.frames.filter((frame) => frame.type === 'message').map((frame) => frame['data'])).toEqual(['mine']);
  });
});

function byPosition(a: string, b: string): number {
  const [timeA = 0, sequenceA = 0] = a.split('-').map(Number);
  const [timeB = 0, sequenceB = 0] = b.split('-').map(Number);
  return timeA - timeB || sequenceA - sequenceB;
}

/** Runs `work` `count` times, `width` at a time. */
async function inParallel(width: number, count: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left > 0) {
        left -= 1;
        await work();
      }
    }),
  );
}
