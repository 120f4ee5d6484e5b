import { describe, expect, test } from 'vitest';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';
import { someKey } from '../testing/intent-log.ts';
import { MAX_NOTES, NOTES_MS } from './evidence.ts';
import type { ConnectionEnd, PastConnection } from './past.ts';

const { redis, keys, control, edge } = await openBroker();

const END: ConnectionEnd = {
  openedMs: 3,
  reached: { news: '5-1' },
  reachedCut: false,
  upTo: 4_000,
  inbox: null,
  doubtfulMs: 0,
  resumed: true,
  unnamed: [],
  stated: [],
  lost: [{ topic: 'news', after: '1-0', position: '2-0' }],
  cut: false,
  follows: 0,
};

function past(generation: number, given: Partial<PastConnection> = {}): PastConnection {
  const connection = generation.toString(36);
  return { generation, edge: 'e1', connection, to: 5_000, reason: 'closed', end: END, ...given };
}

async function registered(topics: Record<string, string> = {}): Promise<string> {
  const client = someone({ key: someKey(), topics: new Map(Object.entries(topics)) });
  expect(await control.register(client, null)).toBe('registered');
  return client.clientId;
}

const pastOf = async (clientId: string) => (await control.readEvidence(clientId)).past;

describe('a connection that has ended', () => {
  test('is remembered as its edge noted it, the last one first, for a day', async () => {
    const clientId = await registered();
    const everything = past(1_000, {
      connection: 'other',
      end: {
        ...END,
        openedMs: null,
        upTo: null,
        inbox: '7-0',
        doubtfulMs: 9,
        unnamed: ['a'],
        stated: [['b', '5-0']],
        cut: true,
        follows: null,
        reachedCut: true,
      },
    });
    await edge.notePast(clientId, everything);
    await edge.notePast(clientId, past(2_000));
    expect(await pastOf(clientId)).toEqual([past(2_000), everything]);
    const left = await redis.pttl(keys.clientPast(clientId));
    expect(left).toBeGreaterThan(NOTES_MS - 60_000);
    expect(left).toBeLessThanOrEqual(NOTES_MS);
  });

  test('is one of the last sixteen, and it shows that there may have been more', async () => {
    const clientId = await registered();
    for (let generation = 1; generation < MAX_NOTES; generation += 1) await edge.notePast(clientId, past(generation));
    expect(await control.readEvidence(clientId)).toMatchObject({ pastIsCut: false });
    for (let generation = MAX_NOTES; generation < 20; generation += 1) await edge.notePast(clientId, past(generation));
    const evidence = await control.readEvidence(clientId);
    expect(evidence.pastIsCut).toBe(true);
    expect(evidence.past.map(({ generation }) => generation)).toEqual([...Array(MAX_NOTES).keys()].map((n) => 19 - n));
  });

  test('is noted once, by its own edge whenever that comes', async () => {
    const clientId = await registered();
    const guessed = past(7, { reason: 'replaced', end: null });
    await edge.notePast(clientId, guessed);
    await edge.notePast(clientId, past(70));
    expect(await pastOf(clientId)).toEqual([past(70), guessed]);
    await edge.notePast(clientId, past(7));
    expect(await pastOf(clientId)).toEqual([past(70), past(7)]);
    await edge.notePast(clientId, past(7, { reason: 'edge-died', end: null }));
    expect(await pastOf(clientId)).toEqual([past(70), past(7)]);
  });

  test('because its edge died is noted by who finds that, and no other is', async () => {
    const clientId = await registered();
    const generation = await connect(edge, clientId, 'e1');
    const state = await stateOf(control, clientId);
    await control.markOwnerGone(state);
    const connection = generation.toString(36);
    const note = { generation, edge: 'e1', connection, to: expect.any(Number), reason: 'edge-died', end: null };
    expect(await pastOf(clientId)).toEqual([note]);
    expect((await stateOf(control, clientId)).goneOwner).toEqual({ edge: 'e1', generation });

    const other = await registered();
    await connect(edge, other, 'e1');
    const before = await stateOf(control, other);
    await edge.release(other, 'e1', 0);
    await control.markOwnerGone(before);
    expect(await pastOf(other)).toEqual([]);
    expect(await stateOf(control, other)).not.toHaveProperty('goneOwner');
  });

  test('is forgotten with the client', async () => {
    const clientId = await registered({ news: '5-0 7' });
    await edge.notePast(clientId, past(1));
    await control.changeTopics(clientId, { remove: ['news'], endsAt: new Map([['news', '6-0']]) });
    await control.unregister(clientId);
    expect(await redis.exists(keys.clientPast(clientId), keys.clientLeft(clientId))).toBe(0);
  });

  test('is skipped when what is kept of it cannot be read', async () => {
    const clientId = await registered();
    await redis.lpush(keys.clientPast(clientId), 'no JSON', '{"from":"another version"}');
    await edge.notePast(clientId, past(1));
    expect(await pastOf(clientId)).toEqual([past(1)]);
  });

  test('takes little of Redis', async () => {
    const clientId = await registered();
    const bytes = () => redis.call('MEMORY', 'USAGE', keys.clientPast(clientId)) as Promise<number>;
    const now = Date.now();
    const usual = (index: number) => {
      const generation = (now + index) * 1000;
      const end = {
        ...END,
        follows: (now + index - 1) * 1000,
        lost: [],
        reached: { 'news.sport': `${now}-123456` },
        upTo: now,
      };
      return past(generation, { edge: '0123456789ab', to: now, end, connection: generation.toString(36) });
    };
    await edge.notePast(clientId, usual(0));
    expect(await bytes()).toBeLessThan(400);
    for (let index = 1; index < MAX_NOTES; index += 1) await edge.notePast(clientId, usual(index));
    expect(await bytes()).toBeLessThan(4_000);
  });

  test('has a note of 2 kB at most: with long names of topics it tells only that it ended', async () => {
    const clientId = await registered();
    const reached = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${'x'.repeat(199)}${index}`, '5-1']));
    const stated = Object.keys(reached).map((topic): [string, string] => [topic, '5-1']);
    await edge.notePast(clientId, past(1, { end: { ...END, reached, stated } }));
    await edge.notePast(clientId, past(2, { end: { ...END, reached } }));
    expect(await pastOf(clientId)).toEqual([past(2, { end: { ...END, reached } }), past(1, { end: null })]);
  });
});

describe('a subscription that has ended', () => {
  test('is remembered with where it began and ended', async () => {
    const clientId = await registered({ news: '5-0 7', chat: '1-0 8' });
    const ends = new Map([
      ['news', '6-0'],
      ['chat', '1-0'],
    ]);
    await control.changeTopics(clientId, { remove: ['news', 'chat', 'none'], endsAt: ends });
    const { left } = await control.readEvidence(clientId);
    const at = expect.any(Number);
    expect(left).toContainEqual({
      topic: 'news',
      incarnation: '7',
      begin: '5-0',
      end: '6-0',
      at,
      number: 1,
      previousAt: 0,
    });
    expect(left).toContainEqual({
      topic: 'chat',
      incarnation: '8',
      begin: '1-0',
      end: '1-0',
      at,
      number: 2,
      previousAt: at,
    });
    expect(left).toHaveLength(2);
    const { ended } = await stateOf(control, clientId);
    expect(ended).toEqual({ count: 2, lastAt: left[0]?.at });
  });

  test('by a token that does not name it any more is remembered too, and one to a topic that is gone is not', async () => {
    const clientId = await registered({ news: '5-0 7', gone: '1-0 8' });
    const token = { expiresAt: 2_000_000_000_000, issuedAt: 1, topics: ['news'] };
    const identity = { user: null, info: null, may: null, seesPresence: [], token };
    const named = { identity, topics: new Map([['news', '5-0 7']]), endsAt: new Map<string, string>() };
    await control.renew(clientId, named);
    const without = { identity: { ...identity, token: { ...token, topics: [] } }, topics: new Map<string, string>() };
    await control.renew(clientId, {
      ...without,
      endsAt: new Map([['news', '9-0']]),
      stale: new Map([['gone', '1-0 8']]),
    });
    const { left } = await control.readEvidence(clientId);
    expect(left).toMatchObject([{ topic: 'news', begin: '5-0', end: '9-0' }]);
  });

  test('is one of the last sixteen', async () => {
    const topics = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const clientId = await registered(Object.fromEntries(topics.map((topic) => [topic, '5-0 7'])));
    await control.changeTopics(clientId, { remove: topics, endsAt: new Map(topics.map((topic) => [topic, '6-0'])) });
    const { left, leftIsCut } = await control.readEvidence(clientId);
    expect([left.length, leftIsCut]).toEqual([MAX_NOTES, true]);
  });
});
