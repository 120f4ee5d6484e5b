import type { ConnectionEnd, PastConnection } from '@holdfast/broker/evidence';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';
import { connectionEnd, inTimeOfRedis, surveyedClient } from './connection-evidence.ts';
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
    expect(past).toMatchObject({
      edge: 'edge-a',
      connection: made.connection.id,
      reason: 'lost',
      incarnation: made.connection.incarnation,
    });
    expect(past?.generation).toBe(made.connection.generation);
    expect(past?.end?.openedMs).toBeGreaterThanOrEqual(0);
    // Neither is older than what is known to be complete.
    expect(past?.end?.reached).toEqual({ news, sport });
    expect(past?.end).toMatchObject({ resumed: false, lost: [], cut: false, reachedCut: false, inbox: null });
  });

  it('times are those of Redis, by whose clock ids are', async () => {
    const all = installation('news');
    all.redis.clockBehindMs = 3_600_000;
    await all.edge.beat();
    const made = await all.edge.connected(CLIENT);
    const { upTo } = connectionEnd(made.connection);
    const { to = 0, end: story } = (await lost(all, made)) ?? {};
    expect(Math.abs(Date.now() - 3_600_000 - to)).toBeLessThan(60_000);
    expect(Math.abs(Number(upTo) - 3_600_000 - Number(story?.upTo))).toBeLessThan(60_000);
    const { connection } = await all.edge.connected(CLIENT);
    const range = { topic: 'news', after: '1-0', position: '2-0', at: 50_000 };
    const end = { ...connectionEnd(connection), upTo: 100_000, lost: [range] };
    expect(inTimeOfRedis(end, 5_000)).toMatchObject({ upTo: 95_000, reachedCut: true, lost: [{ at: 45_000 }] });
    expect(inTimeOfRedis(end, -5_000)).toEqual({ ...end, lost: [{ ...range, at: 55_000 }] });
  });

  it('its edge names the connection before it, also one that came to nothing', async () => {
    const all = installation('news');
    const first = await all.edge.connected(CLIENT);
    expect(await endOf(all, first)).toMatchObject({ follows: 0 });
    const claim = await all.edge.hub.claim(CLIENT);
    claim?.abandon();
    await all.edge.settled();
    const nothing = all.redis.past.at(-1)?.past;
    expect(nothing).toMatchObject({
      generation: claim?.generation,
      reason: 'lost',
      end: { openedMs: null, follows: first.connection.generation },
    });
    const second = await all.edge.connected(CLIENT);
    expect(await endOf(all, second)).toMatchObject({ follows: claim?.generation });
  });

  it('its edge names the one that the client was taken over from, and none when there was another in the middle', async () => {
    const all = installation('news');
    const other = all.redis.own(CLIENT, 'edge-b');
    const made = await all.edge.connected(CLIENT);
    expect(made.connection.follows).toBe(other);
    all.redis.rollBack(CLIENT, { edge: 'edge-b', generation: other });
    all.redis.notify('edge-a', CLIENT);
    await all.edge.settled();
    expect(made.connection.follows).toBe(other);
    all.redis.own(CLIENT, 'edge-b');
    await all.redis.broker().release(CLIENT, 'edge-b', 0);
    all.redis.notify('edge-a', CLIENT);
    await all.edge.settled();
    expect(made.connection.phase).toBe('open');
    expect(made.connection.follows).toBeNull();
  });

  it('what may not have arrived is known when it was lost, and only then', async () => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    made.connection.unanswered = 1;
    expect(await endOf(all, made)).toMatchObject({ doubtfulMs: 50_000 });
    const other = await all.edge.connected(CLIENT);
    other.connection.close(closeCodes.disconnected);
    all.edge.hub.onClosed(other.connection, true);
    await all.edge.settled();
    expect(all.redis.past.at(-1)?.past).toMatchObject({ reason: 'closed', end: { doubtfulMs: 0 } });
  });

  it.each([
    closeCodes.replaced,
    closeCodes.restarting,
    closeCodes.expired,
    closeCodes.tooSlow,
    closeCodes.disconnected,
  ])('what was written is in doubt when its client did not answer a close with $code', async (how) => {
    const all = installation('news');
    const made = await all.edge.connected(CLIENT);
    made.connection.close(how);
    expect(await endOf(all, made)).toMatchObject({ doubtfulMs: 31_000 });
  });

  it('what was written is in doubt while it lasts, unless its client answers the ping of the survey', async () => {
    const all = installation('news');
    const { connection, socket } = await all.edge.connected(CLIENT);
    const { arrivals } = all.edge.hub;
    const unanswered = surveyedClient(connection, arrivals, 25_000);
    const id = all.redis.publish('news', '1');
    expect(await unanswered).toMatchObject({ doubtfulMs: 25_000, topics: { news: id } });
    const answered = surveyedClient(connection, arrivals, 25_000);
    const ping = socket.writes.at(-1) ?? Buffer.alloc(0);
    arrivals.onPong({ transport: socket }, ping.subarray(2));
    arrivals.onPong(connection, ping.subarray(2));
    all.redis.publish('news', '2');
    await all.edge.settled();
    // What came after the ping may not have arrived.
    expect(await answered).toMatchObject({ doubtfulMs: 0, topics: { news: id } });
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
      stated: [['news', after]],
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
    // Its client answers no ping.
    await expect
      .poll(() => redis.answers.at(-1)?.payload)
      .toMatchObject({
        story: { resumed: true, unnamed: [], lost: [{ topic: 'news', after: '1-0', position: last }], cut: false },
        openedMs: expect.any(Number),
        inbox: '1000-0',
        waitingBytes: 0,
      });
  });
});
