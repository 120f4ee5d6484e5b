import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openBroker } from '../testing/brokers.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { PresentMember } from './state.ts';

const its = await openBroker();
const { control, edge, redis, keys } = its;

/** Every member of every page, in the order given. */
async function readAll(topic: string, limit: number, between: () => Promise<unknown> = async () => undefined) {
  const members: PresentMember[] = [];
  const sizes: number[] = [];
  for (let cursor: string | null = null; ;) {
    const page = await control.readPresence(topic, cursor, limit);
    if (page === null) throw new Error('the topic has presence');
    members.push(...page.members);
    sizes.push(page.members.length);
    ({ cursor } = page);
    if (cursor === null) return { members, sizes, page };
    await between();
  }
}

const named = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => member(`u${from + index}`, { of: index }));
const idsOf = (members: readonly PresentMember[]) => members.map(({ id }) => id).toSorted();

describe('pages of who is present', () => {
  test.each([
    [90, 7],
    [90, 1000],
    [3000, 500],
    [3000, 1000],
  ])('give each of %i members of three edges once, at most %i in one', async (count, limit) => {
    const room = await presenceTopic(its, { limit: 20_000 });
    // A third is at two edges.
    await room.edge('a').join(...named((2 * count) / 3));
    await room.edge('b').join(...named((2 * count) / 3, count / 3));
    await room.edge('c').join(...named(2));
    const { members, sizes, page } = await readAll(room.topic, limit);
    expect(idsOf(members)).toEqual(idsOf(named(count)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
    expect(page.count).toBe(count);
    expect(page.version).toBe((await room.snapshot()).version);
  });

  test('miss no member that is present all the while others come and go', async () => {
    const room = await presenceTopic(its, { limit: 20_000 });
    const a = room.edge('a');
    await a.join(...named(100));
    let next = 1000;
    const { members } = await readAll(room.topic, 10, async () => {
      await a.change(
        named(150, next),
        idsOf([...a.members.values()]).filter((id) => Number(id.slice(1)) >= 1000),
      );
      next += 150;
    });
    expect(idsOf(members)).toEqual(expect.arrayContaining(idsOf(named(100))));
  });

  test('tell the info of the first edge, and what is pending already', async () => {
    const room = await presenceTopic(its);
    await room.edge('b').join(member('ann', 'of b'));
    await room.justPublished();
    await room.edge('a').join(member('ann', 'of a'), 'bob');
    const page = await control.readPresence(room.topic, null, 10);
    expect(page).toMatchObject({ count: 2, cursor: null });
    expect(page?.members).toEqual(expect.arrayContaining([member('ann', 'of a'), member('bob')]));
  });

  test('are empty when the topic shows only the number', async () => {
    const room = await presenceTopic(its, { show: 'count' });
    await room.edge('a').join('ann');
    const page = await control.readPresence(room.topic, null, 10);
    expect(page).toMatchObject({ count: 1, members: [], cursor: null });
  });

  test('and numbers are null where there is no presence, and 0 where no member is', async () => {
    const room = await presenceTopic(its);
    const without = randomUUID();
    await control.putTopic(without, {});
    expect(await control.readPresence(without, null, 10)).toBeNull();
    expect(await control.readPresence(randomUUID(), null, 10)).toBeNull();
    expect(await control.readPresence(room.topic, null, 10)).toEqual({
      count: 0,
      members: [],
      version: 0,
      cursor: null,
    });
    await room.edge('a').join('ann', 'bob');
    await room.edge('b').join('bob');
    await redis.set(keys.topic('no-hash'), '');
    expect(await control.countPresent([without, room.topic, 'nowhere', 'no-hash'])).toEqual([null, 2, null, null]);
  });

  test('do not show a topic that has expired', async () => {
    const room = await presenceTopic(its);
    await redis.hset(keys.topic(room.topic), 'gone', '1');
    expect(await control.readPresence(room.topic, null, 10)).toBeNull();
    expect(await control.countPresent([room.topic])).toEqual([null]);
    expect(await edge.snapshotPresence(room.topic)).not.toBeNull();
  });
});

describe('a cursor', () => {
  test('is what it was made of', () => {
    const place = { edge: '0f', scan: '18446744073709551615', count: 9, after: 'ü"' };
    expect(decodeCursor(encodeCursor(place))).toEqual(place);
  });

  test.each([
    '',
    'x',
    '[]',
    '["a","1"]',
    '["a","-1",0,""]',
    '["a","18446744073709551616",0,""]',
    '["a",1,0,""]',
    '["a","1",1001,""]',
    '["a","1","1",""]',
    '{"a":1}',
  ])('was never given: %s', (text) => {
    expect(decodeCursor(Buffer.from(text).toString('base64url'))).toBeNull();
  });

  test('of an edge that is gone goes on with the next', async () => {
    const room = await presenceTopic(its);
    await room.edge('b').join('ann');
    await room.edge('d').join('bob');
    const cursor = encodeCursor({ edge: 'c', scan: '7', count: 3, after: 'zoe' });
    expect(await control.readPresence(room.topic, cursor, 10)).toMatchObject({ members: [member('bob')] });
  });
});
