import { randomUUID } from 'node:crypto';
import { MAX_GRACE_SECONDS } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, onTestFinished, test } from 'vitest';
import { controlBroker } from '../redis-broker.ts';
import { detailsOf, openBroker, watched } from '../testing/brokers.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';

const its = await openBroker();
const { redis, keys, control, edge, prefix } = its;

/** A topic with two edges that have a lease. */
async function occupied(settings: Parameters<typeof presenceTopic>[1] = {}) {
  const room = await presenceTopic(its, settings);
  const [a, b] = [room.edge(randomUUID()), room.edge(randomUUID())];
  for (const { id } of [a, b]) await edge.renewLease(detailsOf(id));
  // Their leases would run out in another test, which counts who is taken out.
  onTestFinished(async () => {
    for (const { id } of [a, b]) await edge.dropLease(id);
    await control.reapPresence();
  });
  await a.join('ann', 'both');
  await room.due();
  await b.join('bob', 'both');
  await room.due();
  await room.news();
  return { ...room, a, b };
}

describe('the reaper', () => {
  test('takes out whom a dead edge had, once, but those whom another edge has', async () => {
    const { news, snapshot, a, topic } = await occupied();
    await edge.dropLease(a.id);
    const both = await Promise.all([control.reapPresence(), controlBroker(redis, prefix).reapPresence()]);
    expect(Math.max(...both)).toBe(2);
    expect(await news()).toMatchObject([{ kind: 'changes', count: 2, joined: [], left: ['ann'] }]);
    expect(await control.reapPresence()).toBe(0);
    expect((await snapshot()).members?.map(({ id }) => id).toSorted()).toEqual(['bob', 'both']);
    expect(await redis.exists(keys.topicHereOf(topic, a.id), keys.edgeHere(a.id))).toBe(0);
    expect(await redis.smembers(keys.edgesHere())).not.toContain(a.id);
  });

  test('leaves alone the edges that have a lease', async () => {
    const { news, a, b } = await occupied();
    expect(await control.reapPresence()).toBe(0);
    expect(await news()).toEqual([]);
    expect(await redis.smembers(keys.edgesHere())).toEqual(expect.arrayContaining([a.id, b.id]));
  });

  test('leaves those of an edge that left in order until the grace is over', async () => {
    const { news, a } = await occupied({ graceSeconds: 30 });
    await edge.leavePresence(a.id);
    await edge.dropLease(a.id);
    /** As if it had left so long ago. */
    const left = (seconds: number) => redis.pexpire(keys.edgeLeft(a.id), (MAX_GRACE_SECONDS - seconds) * 1000);
    for (const seconds of [0, 15]) {
      await left(seconds);
      expect(await control.reapPresence()).toBe(0);
    }
    expect(await news()).toEqual([]);
    await left(30);
    expect(await control.reapPresence()).toBe(2);
    expect(await news()).toMatchObject([{ left: ['ann'] }]);
  });

  test('takes out those of an edge that left later than now: the clock of Redis was set back', async () => {
    const { a } = await occupied({ graceSeconds: 60 });
    await edge.leavePresence(a.id);
    await redis.pexpire(keys.edgeLeft(a.id), 3_600_000);
    await edge.dropLease(a.id);
    expect(await control.reapPresence()).toBe(2);
  });

  test('says nothing of those who came back at another edge within the grace', async () => {
    const { news, a, b, due } = await occupied({ graceSeconds: 0 });
    await edge.leavePresence(a.id);
    await edge.dropLease(a.id);
    await b.join('ann');
    await due();
    expect(await control.reapPresence()).toBe(2);
    expect(await news()).toEqual([]);
  });

  test('takes out more than one call does, and publishes in the same round what must wait', async () => {
    const { topic, news, a, b, due, justPublished, here } = await occupied({ limit: 20_000 });
    await a.join(...Array.from({ length: 1200 }, (_, index) => `u${index}`));
    await due();
    await edge.flushPresence(topic);
    await due();
    await edge.flushPresence(topic);
    await news();
    await edge.renewLease(detailsOf(b.id));
    await edge.dropLease(a.id);
    // One call that begins, and three that take members out: none of them publishes, however long they take.
    let calls = 0;
    const held = watched(redis, async (command) => {
      if (command.startsWith('eval') && (calls += 1) <= 4) await justPublished();
    });
    expect(await controlBroker(held, prefix).reapPresence()).toBe(1202);
    const updates = await news();
    expect(updates.map(({ count }) => count)).toEqual([203, 2]);
    const left = updates.flatMap((update) => (update.kind === 'changes' ? update.left : []));
    expect(new Set(left).size).toBe(1201);
    expect(left).toHaveLength(1201);
    expect(await redis.hget(here, `e${a.id}`)).toBeNull();
  });

  test.each([
    ['a thousand members with much info', 1000, 'x'.repeat(1000)],
    ['twenty thousand members', 19_000, null],
  ])('takes out %s in one round', async (_, size, info) => {
    const { news, snapshot, a, b, topic } = await occupied({ limit: 20_000 });
    await a.join(...Array.from({ length: size }, (__, index) => member(`u${index}`, info)));
    await eventually(async () => expect(await edge.flushPresence(topic)).toMatchObject({ waitMs: null }));
    await news();
    await edge.renewLease(detailsOf(b.id));
    await edge.dropLease(a.id);
    await control.reapPresence();
    expect((await news()).at(-1)).toMatchObject({ count: 2 });
    const { count, members } = await snapshot();
    expect(count).toBe(2);
    expect(members?.map(({ id }) => id).toSorted()).toEqual(['bob', 'both']);
  });

  test('does not wait 5 s to tell the number of a topic past its limit', async () => {
    const { news, a, here } = await occupied({ show: 'count' });
    await redis.hset(here, 'f', Date.now() - 1000);
    await edge.dropLease(a.id);
    await control.reapPresence();
    expect(await news()).toMatchObject([{ kind: 'count', count: 2 }]);
  });

  test('leaves the topic to an edge that is back: that finds that its members are gone, and sets them', async () => {
    const { snapshot, a, topic, due } = await occupied();
    await edge.dropLease(a.id);
    await control.reapPresence();
    await edge.renewLease(detailsOf(a.id));
    expect(await edge.checkPresence(a.id, [{ topic, sequence: a.sequence }])).toMatchObject([{ sequence: 0 }]);
    expect(await a.join('cid')).toEqual({ kind: 'out-of-sequence' });
    await due();
    await a.set();
    await due();
    await edge.flushPresence(topic);
    expect((await snapshot()).members).toHaveLength(4);
    expect(await control.reapPresence()).toBe(0);
  });

  test('stops in the middle when the edge is back', async () => {
    const { snapshot, a, topic, due } = await occupied();
    await edge.dropLease(a.id);
    const slow = watched(redis, async (command) => {
      if (command === 'hscan') await a.set();
    });
    await controlBroker(slow, prefix).reapPresence();
    await edge.renewLease(detailsOf(a.id));
    await due();
    await edge.flushPresence(topic);
    expect((await snapshot()).members?.map(({ id }) => id).toSorted()).toEqual(['ann', 'bob', 'both']);
    expect(await redis.smembers(keys.edgeHere(a.id))).toEqual([topic]);
  });

  test('clears the notes of topics that are gone', async () => {
    const { a, topic } = await occupied();
    await control.deleteTopic(topic);
    await edge.dropLease(a.id);
    expect(await control.reapPresence()).toBe(0);
    expect(await redis.exists(keys.edgeHere(a.id))).toBe(0);
    expect(await redis.smembers(keys.edgesHere())).not.toContain(a.id);
  });

  test.each([
    ['lease', 'pttl'],
    ['note of its leave', 'pttl'],
    ['list of its topics', 'sscan'],
  ])('goes on with other edges when the %s of one cannot be read', async (what, call) => {
    const { a, b, topic } = await occupied();
    for (const { id } of [a, b]) await edge.dropLease(id);
    // What a Cluster answers of an edge whose master is away.
    const away = new Set(what === 'lease' ? [keys.edge(a.id)] : [keys.edgeLeft(a.id), keys.edgeHere(a.id)]);
    const broken = watched(redis, (command, _, key) => {
      if (command === call && away.has(String(key))) throw new Error('CLUSTERDOWN');
    });
    await expect(controlBroker(broken, prefix).reapPresence()).rejects.toThrow('CLUSTERDOWN');
    expect(await redis.hget(keys.topicHere(topic), `e${b.id}`)).toBeNull();
    expect(await redis.hget(keys.topicHere(topic), `e${a.id}`)).not.toBeNull();
    expect(await control.reapPresence()).toBe(2);
  });

  test('goes on with other topics when one cannot be read', async () => {
    const { a, topic } = await occupied();
    const broken = await presenceTopic(its);
    await redis.set(keys.topicHere(broken.topic), 'no hash');
    await edge.notePresence(a.id, [broken.topic]);
    await edge.dropLease(a.id);
    await expect(control.reapPresence()).rejects.toThrow('WRONGTYPE');
    expect(await redis.hget(keys.topicHere(topic), `e${a.id}`)).toBeNull();
    await redis.del(keys.topicHere(broken.topic));
    await control.reapPresence();
    expect(await redis.exists(keys.edgeHere(a.id))).toBe(0);
  });
});

test('an edge that notes a topic while it is taken off the list stays on it', async () => {
  const id = randomUUID();
  await edge.notePresence(id, ['t']);
  await edge.forgetPresence(id, ['t']);
  const slow = watched(redis, async (command) => {
    if (command === 'srem') await edge.notePresence(id, ['t']);
  });
  await controlBroker(slow, prefix).reapPresence();
  expect(await redis.smembers(keys.edgesHere())).toContain(id);
});
