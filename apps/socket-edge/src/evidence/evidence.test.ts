import type { ConnectionEnd, PastConnection } from '@holdfast/broker/evidence';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';
import { PastNotes } from './past-notes.ts';

const CLIENT = 'c1';

function installation(...topics: string[]) {
  const redis = new MemoryRedis();
  redis.register(CLIENT, topics);
  return { redis, edge: memoryEdge(redis) };
}

type Installation = ReturnType<typeof installation>;
type Connected = Awaited<ReturnType<Installation['edge']['connected']>>;

/** What is noted of a connection that the client's network has lost. */
async function lost({ redis, edge }: Installation, { connection }: Connected): Promise<PastConnection | undefined> {
  edge.hub.onClosed(connection);
  await edge.settled();
  return redis.past.at(-1)?.past;
}

const endOf = async (...given: Parameters<typeof lost>): Promise<ConnectionEnd | null | undefined> =>
  (await lost(...given))?.end;

describe('of a connection that has ended', () => {
  it('its edge notes how it ended, and how far each topic got', async () => {
    const all = installation('news', 'sport');
    const made = await all.edge.connected(CLIENT);
    const [news, sport] = [all.redis.publish('news', '1'), all.redis.topic('sport').last];
    await all.edge.settled();
    const past = await lost(all, made);
    expect(past).toMatchObject({ edge: 'edge-a', connection: made.connection.id, reason: 'lost' });
    expect(past?.generation).toBe(made.connection.generation);
    expect(past?.end?.openedMs).toBeGreaterThanOrEqual(0);
    // Neither is older than what is known to be complete.
    expect(past?.end?.reached).toEqual({ news, sport });
    expect(past?.end).toMatchObject({ resumed: false, lost: [], cut: false, reachedCut: false, inbox: null });
  });

  it('what may not have arrived is known when it was lost, and only then', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    made.connection.unanswered = 1;
    expect(await endOf(all, made)).toMatchObject({ doubtfulMs: 50_000 });
    const other = await all.edge.connected(CLIENT);
    other.connection.close(closeCodes.disconnected);
    expect(await lost(all, other)).toMatchObject({ reason: 'closed', end: { doubtfulMs: 0 } });
  });

  it('nothing is known to be written while its socket took no more', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    made.socket.bufferedBytes = 1024 * 1024;
    all.redis.publish('news', '1');
    await all.edge.settled();
    expect(made.connection.congested).toBe(true);
    expect(await endOf(all, made)).toMatchObject({ upTo: null, reached: {}, reachedCut: true });
  });

  it('the note tells whether it resumed, which topics that did not name, and what was announced to it as lost', async () => {
    const all = installation('news', 'sport');
    const made = await all.edge.connected(CLIENT, { resume: true });
    const after = '1-0';
    await all.edge.resume(made.connection, { news: after });
    const { last: position } = all.redis.topic('news');
    const lostRange = { topic: 'news', after, position };
    expect(await endOf(all, made)).toMatchObject({
      resumed: true,
      unnamed: ['sport', '@me'],
      lost: [lostRange],
      cut: false,
    });
  });

  it('of many lost ranges the last are kept, and that there were more', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    for (let count = 1; count <= 9; count += 1) made.connection.announceLost('news', `${count}-0`, `${count}-1`);
    const end = await endOf(all, made);
    expect(end?.lost.map(({ after }) => after)).toEqual(['2-0', '3-0', '4-0', '5-0', '6-0', '7-0', '8-0', '9-0']);
    expect(end?.cut).toBe(true);
  });

  it('of many topics that have just had messages some are kept, and that there were more', async () => {
    const topics = Array.from({ length: 12 }, (_, index) => `t${index}`);
    const all = installation(...topics);
    const made = await all.edge.connected(CLIENT);
    const end = await endOf(all, made);
    expect(Object.keys(end?.reached ?? {})).toHaveLength(8);
    expect(end?.reachedCut).toBe(true);
  });

  it('one that never was welcomed got nothing', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT, { resume: true });
    expect(await endOf(all, made)).toMatchObject({ openedMs: null, upTo: null, reached: {} });
  });

  it('nothing is noted when its client was unregistered', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    all.redis.unregister(CLIENT);
    await all.edge.settled();
    all.edge.hub.onClosed(made.connection);
    await all.edge.settled();
    expect(all.redis.past).toEqual([]);
  });

  it('the edge that takes its client over notes that it ended, and no more', async () => {
    const { redis, edge } = installation('news');
    const first = await edge.connected(CLIENT);
    const other = memoryEdge(redis, 'edge-b');
    await other.connected(CLIENT);
    const [note] = redis.past;
    const { generation, id } = first.connection;
    expect(note?.past).toMatchObject({ edge: 'edge-a', generation, connection: id, reason: 'replaced', end: null });
  });
});

describe('notes', () => {
  const past: PastConnection = { generation: 1, edge: 'e', connection: '1', to: 1, reason: 'lost', end: null };

  it('are tried again until Redis takes them, and hold up no release', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    all.redis.failing.add('notePast');
    all.edge.hub.onClosed(made.connection);
    await all.edge.settled();
    expect(all.redis.client(CLIENT).owner).toBeNull();
    expect(all.redis.past).toEqual([]);
    all.redis.failing.delete('notePast');
    await all.edge.beat();
    await all.edge.settled();
    expect(all.redis.past).toHaveLength(1);
  });

  it('that Redis never takes are given up', async () => {
    const notes = new PastNotes({ notePast: () => Promise.reject(new Error('never')) });
    notes.add({ clientId: 'c', past });
    for (let tries = 0; tries < 100; tries += 1) await notes.flush();
    await turns(2);
    expect(notes.size).toBe(0);
  });
});

describe('an edge that is asked what it serves to a client', () => {
  it('tells also what the connection began with, and what was announced to it as lost', async () => {
    const { redis, edge } = installation('news');
    const { connection } = await edge.connected(CLIENT, { resume: true });
    await edge.resume(connection, { news: '1-0', '@me': '1000-0' });
    redis.sendTo('edge-a', { kind: 'served', surveyId: 's', clientId: CLIENT });
    await edge.settled();
    const { last } = redis.topic('news');
    expect(redis.answers.at(-1)?.payload).toMatchObject({
      story: { resumed: true, unnamed: [], lost: [{ topic: 'news', after: '1-0', position: last }], cut: false },
      openedMs: expect.any(Number),
      inbox: '1000-0',
      waitingBytes: 0,
    });
  });
});
