import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { edgeBroker } from '../redis-broker.ts';
import { openBroker, watched } from '../testing/brokers.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';

const its = await openBroker();
const { redis, keys, edge, prefix } = its;

const CHANGED = { kind: 'changed', waitMs: null };
/** More than are written, or read, by one call. */
const MANY = 1300;
const names = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `u${from + index}`);

async function idsOf(room: Awaited<ReturnType<typeof presenceTopic>>): Promise<string[] | undefined> {
  await room.due();
  await edge.flushPresence(room.topic);
  await room.due();
  await edge.flushPresence(room.topic);
  return (await room.snapshot()).members?.map(({ id }) => id).toSorted();
}

describe('an edge whose members are set', () => {
  test('has exactly these, of which those that were there neither leave nor join', async () => {
    const room = await presenceTopic(its, { limit: 20_000 });
    const a = room.edge('a');
    await a.join(...names(MANY));
    await idsOf(room);
    await room.news();
    for (const name of names(100)) a.members.delete(name);
    for (const name of names(100, MANY)) a.members.set(name, member(name));
    a.members.set('u100', member('u100', 'other info'));
    await room.due();
    await a.set();
    expect(await idsOf(room)).toEqual([...a.members.keys()].toSorted());
    const updates = (await room.all()).filter((update) => update.kind === 'changes');
    const joined = updates.flatMap((update) => update.joined.map(({ id }) => id));
    expect(joined.toSorted()).toEqual([...names(100, MANY), 'u100'].toSorted());
    expect(updates.flatMap(({ left }) => left).toSorted()).toEqual(names(101).toSorted());
  });

  test('goes on from its sequence, and from 0 once it has none', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('ann');
    a.sequence = 7;
    expect(await a.join('bob')).toEqual({ kind: 'out-of-sequence' });
    expect(await a.set()).toMatchObject({ kind: 'changed' });
    expect(await a.join('cid')).toMatchObject({ kind: 'changed' });
    expect(await idsOf(room)).toEqual(['ann', 'bob', 'cid']);
    a.members.clear();
    await a.set();
    expect(await idsOf(room)).toEqual([]);
    expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 0 }])).toMatchObject([
      { sequence: 0, count: 0 },
    ]);
    expect(await a.join('dot')).toMatchObject({ kind: 'changed' });
  });

  test('is right again after Redis has lost all of it, or the hash of the topic alone', async () => {
    for (const lost of ['*', '']) {
      const room = await presenceTopic(its);
      const [a, b] = [room.edge('a'), room.edge('b')];
      await a.join('ann', 'bob');
      await b.join('bob', 'cid');
      const { version } = await room.snapshot();
      await redis.del(...(await redis.keys(`${room.here}${lost}`)), keys.edgeHere('a'));
      const [found] = await edge.checkPresence('a', [{ topic: room.topic, sequence: 0 }]);
      expect(found).toEqual({ version: 0, sequence: 0, count: 0, pending: lost === '' });
      expect(await a.leave('ann')).toEqual({ kind: 'out-of-sequence' });
      expect(await a.set()).toEqual(CHANGED);
      await b.set();
      expect(await idsOf(room)).toEqual(['bob', 'cid']);
      expect((await room.snapshot()).count).toBe(2);
      expect((await room.snapshot()).version).toBeGreaterThan(version);
      expect(await redis.smembers(keys.edgeHere('a'))).toContain(room.topic);
    }
  });

  test('of which only a part was written is not taken for whole', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('ann', 'bob');
    a.members.delete('bob');
    const dying = watched(redis, (command) => {
      if (command === 'hscan') throw new Error('the process is gone');
    });
    const known = { sequence: 9, members: [...a.members.values()] };
    await expect(edgeBroker(dying, prefix).setPresence(room.topic, 'a', known)).rejects.toThrow('gone');
    expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 9 }])).toMatchObject([{ sequence: -9 }]);
    await a.set();
    expect(await idsOf(room)).toEqual(['ann']);
  });

  test('keeps no member whose leave was lost', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('gone');
    a.members.clear();
    const [found] = await edge.checkPresence('a', [{ topic: room.topic, sequence: 0 }]);
    expect(found?.sequence).toBe(a.sequence);
    await a.set();
    expect(await idsOf(room)).toEqual([]);
  });

  test('makes every replica read anew: a Redis without its last writes may publish versions twice', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('ann');
    const { version } = await room.snapshot();
    a.sequence = 5;
    await a.set();
    expect((await room.snapshot()).version).toBeGreaterThan(version + 1);
  });
});

describe('the steady check', () => {
  test('tells versions, own sequences, numbers, and what is pending, in the order asked for', async () => {
    const [one, other] = [await presenceTopic(its), await presenceTopic(its)];
    await one.edge('a').join('ann');
    const b = one.edge('b');
    await b.join('bob');
    await b.join('cid');
    await one.justPublished();
    const { version } = await one.snapshot();
    const checks = [one.topic, randomUUID(), other.topic].map((topic) => ({ topic, sequence: 0 }));
    expect(await edge.checkPresence('b', checks)).toEqual([
      { version, sequence: b.sequence, count: 3, pending: true },
      null,
      { version: 0, sequence: 0, count: 0, pending: false },
    ]);
  });

  test('notes topics again, and asks for 100 in one call', async () => {
    const room = await presenceTopic(its);
    let calls = 0;
    const counting = edgeBroker(
      watched(redis, (command) => void (calls += command.startsWith('eval') ? 1 : 0)),
      prefix,
    );
    await counting.checkPresence('x', []);
    expect(calls).toBe(0);
    await edge.checkPresence('x', [{ topic: room.topic, sequence: 0 }]);
    const checks = Array.from({ length: 200 }, () => ({ topic: room.topic, sequence: 1 }));
    expect(await counting.checkPresence('x', checks)).toHaveLength(200);
    expect(calls).toBe(2);
    expect(await redis.smembers(keys.edgeHere('x'))).toEqual([room.topic]);
    expect(await redis.smembers(keys.edgesHere())).toContain('x');
  });
});
