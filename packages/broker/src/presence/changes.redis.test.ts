import { PRESENCE_COUNT_EVERY_MS, PRESENCE_EVERY_MS } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, test } from 'vitest';
import { edgeBroker } from '../redis-broker.ts';
import { openBroker, watched } from '../testing/brokers.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';
import type { PresentMember } from './state.ts';

const its = await openBroker();
const { redis, keys, control, edge, prefix } = its;

const joined = (...ids: string[]) => ({ kind: 'changes', joined: ids.map((id) => member(id)), left: [] });
const left = (...ids: string[]) => ({ kind: 'changes', joined: [], left: ids });
const names = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `u${from + index}`);
const mapOf = (list: readonly PresentMember[]) => new Map(list.map(({ id, info }) => [id, info]));
const CHANGED = { kind: 'changed', waitMs: null };

/** By the clock of Redis, in ms. */
async function redisNow(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** Waits until a version may follow the last one. */
async function intervalPassed(here: string): Promise<void> {
  const published = Number(await redis.hget(here, 'f'));
  await eventually(async () => expect(await redisNow()).toBeGreaterThanOrEqual(published + PRESENCE_EVERY_MS));
}

describe('a member', () => {
  test('joins with the first edge that has it, and leaves with the last', async () => {
    const room = await presenceTopic(its);
    const [a, b] = [room.edge('a'), room.edge('b')];
    expect(await a.join('ann')).toEqual(CHANGED);
    expect(await room.news()).toMatchObject([{ count: 1, ...joined('ann') }]);
    await room.due();
    expect(await b.join('ann')).toEqual(CHANGED);
    expect(await a.leave('ann')).toEqual(CHANGED);
    expect(await room.news()).toEqual([]);
    expect(await b.leave('ann')).toEqual(CHANGED);
    expect(await room.news()).toMatchObject([{ count: 0, ...left('ann') }]);
  });

  test('that joins and leaves before the next version is in none', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('ann');
    await room.hold();
    expect(await a.join('bob')).toEqual({ kind: 'changed', waitMs: PRESENCE_EVERY_MS });
    expect(await a.leave('bob')).toEqual(CHANGED);
    await a.leave('ann');
    await a.join('ann', 'cid');
    await room.due();
    await edge.flushPresence(room.topic);
    expect((await room.all()).slice(1)).toMatchObject([{ count: 2, ...joined('cid') }]);
  });

  test('has the info of the first edge by name, and with another info leaves and joins', async () => {
    const room = await presenceTopic(its);
    const [a, b] = [room.edge('a'), room.edge('b')];
    await b.join(member('ann', 'of b'));
    await room.due();
    await a.join(member('ann', 'of a'));
    await room.due();
    await b.leave('ann');
    await a.join(member('ann', { again: 'ü' }));
    expect(await room.all()).toMatchObject([
      { count: 1, joined: [member('ann', 'of b')], left: [] },
      { count: 1, joined: [member('ann', 'of a')], left: ['ann'] },
      { count: 1, joined: [member('ann', { again: 'ü' })], left: ['ann'] },
    ]);
  });

  test('may be called anything that a user may', async () => {
    const room = await presenceTopic(its);
    const odd = ['"', '\\', '[', 'e', 'v', ' ', 'ü💥', '~0123456789abcdef', 'next', '{x}', '/'.repeat(128)];
    await room.edge('a').join(...odd.map((name) => member(name, { name })));
    const [update] = await room.all();
    const expected = new Map(odd.map((name) => [name, JSON.stringify({ name })]));
    expect(update?.kind === 'changes' && mapOf(update.joined)).toEqual(expected);
    expect(mapOf((await room.snapshot()).members ?? [])).toEqual(expected);
  });
});

describe('versions', () => {
  test('go on within one interval when the clock of Redis was set back', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('ann');
    // As of an hour ahead.
    await room.justPublished();
    expect(await a.join('bob')).toEqual({ kind: 'changed', waitMs: PRESENCE_EVERY_MS });
    await intervalPassed(room.here);
    expect(await edge.flushPresence(room.topic)).toEqual(CHANGED);
    expect((await room.all()).slice(1)).toMatchObject([{ count: 2, ...joined('bob') }]);
  });

  test('rise by one with each that is published, and by nothing else', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    for (const name of ['ann', 'bob', 'cid', 'dot']) {
      await a.join(name);
      await room.due();
      await edge.flushPresence(room.topic);
    }
    const versions = (await room.all()).map(({ version }) => version);
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index));
    expect((await room.snapshot()).version).toBe(versions.at(-1));
  });

  test('are published 250 ms after one another, by whoever calls then', async () => {
    const room = await presenceTopic(its);
    const [a, b] = [room.edge('a'), room.edge('b')];
    await a.join('ann');
    await room.justPublished();
    expect(await a.join('bob')).toEqual({ kind: 'changed', waitMs: PRESENCE_EVERY_MS });
    expect(await room.news()).toHaveLength(1);
    await intervalPassed(room.here);
    expect(await b.join('cid')).toEqual(CHANGED);
    expect(await room.news()).toMatchObject([
      { count: 3, kind: 'changes', joined: expect.arrayContaining([member('bob'), member('cid')]) as unknown },
    ]);
    await room.due();
    expect(await edge.flushPresence(room.topic)).toEqual(CHANGED);
    expect(await room.news()).toEqual([]);
  });

  test('have at most a thousand changes, and the next has the rest', async () => {
    const room = await presenceTopic(its, { limit: 20_000 });
    const a = room.edge('a');
    await a.join('first');
    await room.hold();
    await a.join(...Array.from({ length: 2300 }, (_, index) => `u${index}`));
    for (let more = 0; more < 3; more += 1) {
      await room.due();
      const waitMs = more < 2 ? PRESENCE_EVERY_MS : null;
      expect(await edge.flushPresence(room.topic)).toEqual({ kind: 'changed', waitMs });
      const { version, count, members } = await room.snapshot();
      expect(members).toHaveLength(count);
      expect((await room.all()).at(-1)).toMatchObject({ version, count });
    }
    expect((await room.all()).map(({ count }) => count)).toEqual([1, 1001, 2001, 2301]);
  });

  test('are replaced by a snapshot when what is pending fills more than four, and is not small beside the rest', async () => {
    const room = await presenceTopic(its, { limit: 20_000 });
    const a = room.edge('a');
    await a.join('first');
    const large = (from: number) => names(300, from).map((id) => member(id, 'x'.repeat(1000)));
    await room.hold();
    await a.join(...large(0));
    await room.due();
    expect(await edge.flushPresence(room.topic)).toEqual(CHANGED);
    expect((await room.news()).at(-1)).toMatchObject({ kind: 'reset', count: 301 });
    expect((await room.snapshot()).members).toHaveLength(301);
    expect(await redis.exists(keys.topicHereNext(room.topic))).toBe(0);
    await a.join(...names(1500, 300));
    await eventually(async () => expect(await edge.flushPresence(room.topic)).toEqual(CHANGED));
    await room.news();
    await room.hold();
    await a.join(...large(2000));
    await room.due();
    expect(await edge.flushPresence(room.topic)).toEqual({ kind: 'changed', waitMs: PRESENCE_EVERY_MS });
    expect(await room.news()).toMatchObject([{ kind: 'changes' }]);
  });

  test('are filled by what they show: a leave takes its id', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join(...names(900).map((id) => member(id, 'x'.repeat(500))));
    await eventually(async () => expect(await edge.flushPresence(room.topic)).toEqual(CHANGED));
    await room.news();
    await room.hold();
    await a.leave(...names(800));
    await room.due();
    expect(await edge.flushPresence(room.topic)).toEqual(CHANGED);
    expect(await room.news()).toMatchObject([{ kind: 'changes', count: 100 }]);
  });

  test('begin with the time: none is like one from before data was lost', async () => {
    const room = await presenceTopic(its);
    const before = Date.now();
    await room.edge('a').join('ann');
    const [first] = await room.news();
    expect(first?.version).toBeGreaterThan(before);
    await redis.del(room.here, keys.topicHereOf(room.topic, 'a'));
    // Redis does not lose its data and come back within a millisecond.
    await eventually(async () => expect(await redisNow()).toBeGreaterThan(first?.version ?? Infinity));
    await room.edge('b').join('bob');
    expect((await room.all())[0]?.version).toBeGreaterThan(first?.version ?? Infinity);
  });
});

describe('a topic past its limit', () => {
  test('shows its number only, every 5 s, and members again at 90 % of it', async () => {
    const room = await presenceTopic(its, { limit: 10 });
    const a = room.edge('a');
    await a.join(...names(10));
    await room.due();
    expect((await room.news()).at(-1)).toMatchObject({ kind: 'changes', count: 10 });
    await a.join('one more');
    expect(await room.news()).toMatchObject([{ kind: 'count', count: 11 }]);
    expect(await room.snapshot()).toMatchObject({ count: 11, members: null });

    await room.justPublished();
    expect(await a.leave('one more')).toEqual({ kind: 'changed', waitMs: PRESENCE_COUNT_EVERY_MS });
    await room.due();
    await edge.flushPresence(room.topic);
    expect(await room.news()).toMatchObject([{ kind: 'count', count: 10 }]);
    await room.due();
    await a.leave('u0');
    expect(await room.news()).toMatchObject([{ kind: 'reset', count: 9 }]);
    expect((await room.snapshot()).members?.map(({ id }) => id).toSorted()).toEqual(names(9, 1));
    await room.due();
    await a.join('u0');
    expect(await room.news()).toMatchObject([{ count: 10, ...joined('u0') }]);
  });

  test('publishes nothing when the number is the same', async () => {
    const room = await presenceTopic(its, { show: 'count' });
    const a = room.edge('a');
    await a.join('ann');
    await room.due();
    expect(await a.change([member('bob')], ['ann'])).toEqual(CHANGED);
    expect(await room.all()).toMatchObject([{ kind: 'count', count: 1 }]);
    expect(await room.snapshot()).toMatchObject({ count: 1, members: null });
  });

  test('follows its settings', async () => {
    const room = await presenceTopic(its);
    await room.edge('a').join('ann', 'bob');
    const [before] = await room.news();
    for (const [settings, update] of [
      [{ limit: 1 }, { kind: 'count' }],
      [{ limit: 3 }, { kind: 'reset' }],
      [{ show: 'count' }, { kind: 'count' }],
      [{ show: 'members' }, { kind: 'reset' }],
    ] as const) {
      await room.setTo(settings);
      expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 1 }])).toMatchObject([{ pending: true }]);
      await room.due();
      await edge.flushPresence(room.topic);
      expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 1 }])).toMatchObject([{ pending: false }]);
      expect(await room.news()).toMatchObject([{ ...update, count: 2 }]);
    }
    expect((await room.snapshot()).version).toBe((before?.version ?? 0) + 4);
  });
});

describe('a call', () => {
  test('that is made again changes nothing twice, and an attempt that comes later than the next changes nothing', async () => {
    const room = await presenceTopic(its);
    const a = room.edge('a');
    await a.join('zoe');
    const attempt = (sequence: number) =>
      edge.changePresence(room.topic, 'a', {
        sequence,
        confirmed: a.sequence,
        first: 10,
        joined: [member('ann', sequence)],
        left: ['zoe'],
      });
    for (const sequence of [10, 11, 13]) {
      await room.due();
      expect(await attempt(sequence)).toEqual(CHANGED);
    }
    for (const late of [10, 12]) expect(await attempt(late)).toEqual({ kind: 'out-of-sequence' });
    expect((await room.all()).map(({ count }) => count)).toEqual([1, 1, 1, 1]);
    expect((await room.snapshot()).members).toEqual([member('ann', 13)]);
    expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 13 }])).toMatchObject([{ sequence: 13 }]);
  });

  test('of many members may be made again when only a part of it was written', async () => {
    const room = await presenceTopic(its);
    let calls = 0;
    const dying = watched(redis, (command) => {
      if (command.startsWith('eval') && (calls += 1) > 1) throw new Error('the process is gone');
    });
    const change = { confirmed: 0, first: 5, joined: names(700).map((id) => member(id)), left: [] };
    const attempt = edgeBroker(dying, prefix).changePresence(room.topic, 'a', { ...change, sequence: 5 });
    await expect(attempt).rejects.toThrow('gone');
    expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 5 }])).toMatchObject([{ sequence: -5 }]);
    expect(await edge.changePresence(room.topic, 'a', { ...change, sequence: 6 })).toMatchObject({ kind: 'changed' });
    expect(await edge.checkPresence('a', [{ topic: room.topic, sequence: 6 }])).toMatchObject([
      { sequence: 6, count: 700 },
    ]);
  });

  test('out of sequence changes nothing', async () => {
    const room = await presenceTopic(its);
    const change = { joined: [member('ann')], left: [] };
    const refused = async (sequence: number, confirmed: number, first: number) => {
      const outcome = await edge.changePresence(room.topic, 'a', { sequence, confirmed, first, ...change });
      expect(outcome).toEqual({ kind: 'out-of-sequence' });
    };
    await refused(3, 2, 3);
    const a = room.edge('a');
    await a.join('bob');
    for (const [sequence, confirmed, first] of [
      [9, 0, 9],
      [9, a.sequence + 1, 9],
      [a.sequence, 0, a.sequence],
    ] as const) {
      await refused(sequence, confirmed, first);
    }
    expect(await room.all()).toMatchObject([{ count: 1, ...joined('bob') }]);
    expect(await room.snapshot()).toMatchObject({ count: 1, members: [member('bob')] });
  });

  test('of a topic without presence, or that is not there, leaves no key', async () => {
    const topics = ['no-such-topic', 'without'];
    await control.putTopic('without', {});
    for (const topic of topics) {
      const change = { sequence: 2, confirmed: 0, first: 2, joined: [member('ann')], left: [] };
      expect(await edge.changePresence(topic, 'a', change)).toEqual({ kind: 'off' });
      expect(await edge.flushPresence(topic)).toEqual({ kind: 'off' });
      expect(await edge.snapshotPresence(topic)).toBeNull();
      expect(await redis.keys(`${keys.topicHere(topic)}*`)).toEqual([]);
    }
    expect(await edge.checkPresence('another', [{ topic: 'without', sequence: 0 }])).toEqual([null]);
    expect(await redis.exists(keys.edgeHere('another'))).toBe(0);
  });

  test('by a watcher of a topic without members leaves no key either', async () => {
    const room = await presenceTopic(its, { show: 'count' });
    expect(await edge.flushPresence(room.topic)).toEqual(CHANGED);
    expect(await room.snapshot()).toEqual({ version: 0, count: 0, members: null });
    expect(await redis.keys(`${room.here}*`)).toEqual([]);
  });
});

test.each([
  ['deleted', (topic: string) => control.deleteTopic(topic)],
  ['put without presence', (topic: string) => control.putTopic(topic, { presence: null })],
])('a topic that is %s keeps no key of presence', async (_, end) => {
  const room = await presenceTopic(its);
  for (const name of ['a', 'b']) await room.edge(name).join(`of ${name}`);
  await room.justPublished();
  await room.edge('c').join('pending');
  expect(await redis.keys(`${room.here}*`)).toHaveLength(5);
  await end(room.topic);
  expect(await redis.keys(`${room.here}*`)).toEqual([]);
});
