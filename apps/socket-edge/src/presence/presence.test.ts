import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Presence as PresenceFrame } from '@holdfast/protocol/down';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import type { RecordingTransport } from '../testing/recording-transport.ts';
import { FAKED, GRACE_MS, ROOM, SOON_MS, WATCHES, presenceRoom } from '../testing/presence-room.ts';
import { shownMembers } from '../testing/shown-members.ts';

beforeEach(() => vi.useFakeTimers({ toFake: [...FAKED] }));
afterEach(() => vi.useRealTimers());

const presenceOf = (socket: RecordingTransport): PresenceFrame[] => socket.of('presence');

const anonymous = (redis: MemoryRedis, clientId: string) => `~${redis.refOf(clientId)}`;

describe('a member', () => {
  it('is the user of a connection, and is there once for all connections of it', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    for (const id of ['a1', 'a2', 'a3']) register(id, 'ann', { info: '{"n":1}' });
    const { connection } = await edge.connected('a1');
    await edge.connected('a2');
    await other.connected('a3');
    await later();
    expect(redis.presence.members(ROOM)).toEqual(['ann']);
    edge.edge.hub.onClosed(connection);
    await later(GRACE_MS + SOON_MS);
    expect(redis.presence.members(ROOM)).toEqual(['ann']);
  });

  it('is ~ and the ref of a client without a user, and of any client where the topic asks for that', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', null);
    await edge.connected('a');
    await later();
    expect(redis.presence.members(ROOM)).toEqual([anonymous(redis, 'a')]);
    const byClient = presenceRoom({ by: 'client' });
    byClient.register('a', 'ann');
    await byClient.edge.connected('a');
    await byClient.later();
    expect(byClient.redis.presence.members(ROOM)).toEqual([anonymous(byClient.redis, 'a')]);
  });

  it('whose ref could not be found is there as soon as it can', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', null);
    redis.failing.add('refsOf');
    await edge.connected('a');
    await later();
    expect(redis.presence.members(ROOM)).toEqual([]);
    redis.failing.clear();
    await later(2000);
    expect(redis.presence.members(ROOM)).toEqual([anonymous(redis, 'a')]);
  });

  it('is named anew when refs are others, in one version, and not twice', async () => {
    const { redis, edge, register, later } = presenceRoom({ by: 'client' });
    for (const id of ['w', 'a', 'b']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await edge.connected('a');
    const { connection: kept } = await edge.connected('b');
    await later();
    edge.edge.hub.onClosed(kept);
    await later();
    const before = presenceOf(socket).length;
    const earlier = ['a', 'b', 'w'].map((id) => anonymous(redis, id));
    redis.secret = 't';
    await edge.presence.tend();
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ [anonymous(redis, 'w')]: null, [anonymous(redis, 'a')]: null });
    expect(presenceOf(socket)).toHaveLength(before + 1);
    expect(presenceOf(socket).at(-1)?.left?.toSorted()).toEqual(earlier);
    expect(redis.presence.members(ROOM).toSorted()).toEqual(['a', 'w'].map((id) => anonymous(redis, id)));
  });

  it('is named anew when another client is found to have another ref', async () => {
    const { redis, edge, register, later } = presenceRoom({ by: 'client' });
    for (const id of ['a', 'b']) register(id, null);
    await edge.connected('a');
    await later();
    redis.secret = 't';
    await edge.connected('b');
    await later();
    expect(redis.presence.members(ROOM).toSorted()).toEqual(['a', 'b'].map((id) => anonymous(redis, id)));
  });

  it('is kept for its grace under no earlier name, also where its connection ends while its ref is looked up', async () => {
    const { redis, edge, register, later } = presenceRoom({ by: 'client' });
    register('a', null);
    const { connection } = await edge.connected('a');
    await later();
    redis.secret = 't';
    const answerFirst = redis.hold('refsOf');
    await edge.presence.tend();
    await edge.settled();
    answerFirst();
    const answerSecond = redis.hold('refsOf');
    await edge.settled();
    expect(redis.calls.filter((call) => call === 'refsOf')).toHaveLength(3);
    edge.edge.hub.onClosed(connection);
    answerSecond();
    await later();
    expect(redis.presence.members(ROOM)).toEqual([]);
  });

  it('with a name of its own keeps it, whatever refs are', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', '~ann');
    register('b', null);
    const { connection } = await edge.connected('a');
    await edge.connected('b');
    await later();
    edge.edge.hub.onClosed(connection);
    await later();
    redis.secret = 't';
    await edge.presence.tend();
    await later();
    expect(redis.presence.members(ROOM).toSorted()).toEqual([anonymous(redis, 'b'), '~ann']);
  });

  it('has the info of its newest connection', async () => {
    const { edge, register, later } = presenceRoom();
    register('w', 'wim');
    register('a1', 'ann', { info: '1' });
    register('a2', 'ann', { info: '2' });
    const { socket } = await edge.connected('w', WATCHES);
    await edge.connected('a1');
    await later();
    await edge.connected('a2');
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ wim: null, ann: 2 });
    expect(presenceOf(socket).at(-1)).toMatchObject({ joined: [{ id: 'ann', info: 2 }], left: [] });
  });

  it.each(['disconnect', 'unregister', 'unsubscribe'] as const)('leaves at once by %s', async (how) => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'ann');
    await edge.connected('a');
    await later();
    if (how === 'unsubscribe') redis.unsubscribe('a', ROOM);
    else redis[how]('a');
    await edge.settled();
    await later();
    expect(redis.presence.members(ROOM)).toEqual([]);
  });

  it('leaves at once when its connection is closed on purpose', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'ann');
    const { connection } = await edge.connected('a');
    await later();
    connection.end(true);
    await later();
    expect(redis.presence.members(ROOM)).toEqual([]);
  });

  it('stays for the grace of its topic when its connection is lost, and no longer', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'ann');
    const { connection } = await edge.connected('a');
    await later();
    edge.edge.hub.onClosed(connection);
    await later(GRACE_MS - 100);
    expect(redis.presence.members(ROOM)).toEqual(['ann']);
    await later(SOON_MS);
    expect(redis.presence.members(ROOM)).toEqual([]);
  });

  it('that resumes within its grace has neither left nor joined, here or elsewhere', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    register('w', 'wim');
    register('a', 'ann');
    const { socket } = await edge.connected('w', WATCHES);
    const { connection } = await edge.connected('a');
    await later();
    const before = presenceOf(socket).length;
    edge.edge.hub.onClosed(connection);
    await later(GRACE_MS - 1000);
    const { connection: again } = await edge.connected('a', { resume: true });
    await edge.resume(again, {});
    await later(2 * GRACE_MS);
    edge.edge.hub.onClosed(again);
    await later(GRACE_MS - 1000);
    const { connection: elsewhere } = await other.connected('a', { resume: true });
    await other.resume(elsewhere, {});
    await later(2 * GRACE_MS);
    expect(presenceOf(socket)).toHaveLength(before);
    expect(redis.presence.members(ROOM)).toEqual(['ann', 'wim']);
  });

  it('keeps its grace when another of its connections is closed on purpose meanwhile', async () => {
    const { redis, edge, register, later } = presenceRoom();
    for (const id of ['a1', 'a2']) register(id, 'ann');
    const { connection: lost } = await edge.connected('a1');
    const { connection: closed } = await edge.connected('a2');
    await later();
    edge.edge.hub.onClosed(lost);
    await later(1000);
    closed.end(true);
    await later();
    expect(redis.presence.members(ROOM)).toEqual(['ann']);
    await later(GRACE_MS);
    expect(redis.presence.members(ROOM)).toEqual([]);
  });
});

describe('what an edge writes', () => {
  it('are all joins and leaves of a moment in one call', async () => {
    const { redis, edge, register, later } = presenceRoom();
    const ids = Array.from({ length: 50 }, (_, index) => `c${index}`);
    for (const id of ids) register(id, id);
    for (const id of ids) await edge.connect(id);
    await later();
    expect(redis.presence.members(ROOM)).toHaveLength(ids.length);
    expect(redis.calls.filter((call) => call === 'changePresence')).toHaveLength(1);
  });

  it('is nothing while nothing changes', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'ann');
    await edge.connected('a');
    await later();
    const writes = () => redis.calls.filter((call) => call.endsWith('Presence') && call !== 'checkPresence').length;
    const before = writes();
    await later(60_000);
    expect(writes()).toBe(before);
  });

  it('is listed before it is written, and no more when all have been gone for long', async () => {
    const { redis, edge, register, later, check } = presenceRoom();
    register('a', 'ann');
    const { connection } = await edge.connected('a');
    await later();
    const calls = redis.calls.filter((call) => call.endsWith('Presence'));
    expect(calls.slice(0, 2)).toEqual(['notePresence', 'changePresence']);
    expect([...(redis.presence.listed.get('edge-a') ?? [])]).toEqual([ROOM]);
    connection.end(true);
    await later();
    for (let round = 0; round < 5; round += 1) await check();
    expect([...(redis.presence.listed.get('edge-a') ?? [])]).toEqual([]);
    expect(edge.presence.size).toBe(0);
  });

  it('comes right when Redis was away, whatever happened meanwhile', async () => {
    const { redis, edge, register, later } = presenceRoom();
    for (const id of ['a', 'b', 'c']) register(id, id);
    const { connection: a } = await edge.connected('a');
    const { connection: b } = await edge.connected('b');
    await later();
    redis.failing.add('changePresence');
    a.end(true);
    await edge.connected('c');
    await later(3000);
    expect(redis.presence.members(ROOM)).toEqual(['a', 'b']);
    b.end(true);
    redis.failing.clear();
    await later(2000);
    expect(redis.presence.members(ROOM)).toEqual(['c']);
  });

  it('comes right when answers were lost, without a second join or leave', async () => {
    const { redis, edge, register, later } = presenceRoom();
    for (const id of ['w', 'a', 'b']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    redis.answersLost.add('changePresence');
    const { connection: a } = await edge.connected('a');
    await later();
    a.end(true);
    await edge.connected('b');
    await later(3000);
    redis.answersLost.clear();
    await later(3000);
    expect(redis.presence.members(ROOM)).toEqual(['b', 'w']);
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, b: null });
    expect(redis.calls).not.toContain('setPresence');
  });

  it('is written anew within a round when Redis has lost it, and connections get a new snapshot', async () => {
    const { redis, edge, register, later, check } = presenceRoom();
    for (const id of ['w', 'a']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await edge.connected('a');
    await later();
    redis.presence.lose();
    await check();
    await later();
    await check();
    await check();
    expect(redis.presence.members(ROOM)).toEqual(['a', 'w']);
    expect([...(redis.presence.listed.get('edge-a') ?? [])]).toEqual([ROOM]);
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
  });

  it.each(['b', null])('is written anew when Redis has an older state of it, of %s at present', async (present) => {
    const { redis, edge, register, later, check } = presenceRoom();
    for (const id of ['a', 'b']) register(id, id);
    const { connection } = await edge.connected('a');
    await later();
    const older = redis.presence.saved();
    connection.end(true);
    await later();
    if (present !== null) await edge.connected(present);
    await later();
    redis.presence.restore(older);
    expect(redis.presence.members(ROOM)).toEqual(['a']);
    await check();
    await later();
    expect(redis.presence.members(ROOM)).toEqual(present === null ? [] : [present]);
  });

  it.each(['checkAll', 'onSubscribed'] as const)(
    'is shown anew by %s, also when a lost version came twice',
    async (how) => {
      const { redis, edge, other, register, later } = presenceRoom();
      for (const id of ['w', 'a']) register(id, id);
      const { socket } = await edge.connected('w', WATCHES);
      await later();
      vi.spyOn(edge.presence, 'onLive').mockImplementationOnce(() => undefined);
      await other.connected('a');
      await later();
      expect(shownMembers(socket, ROOM)).toEqual({ w: null });
      redis.presence.renumber(ROOM);
      if (how === 'checkAll') await edge.presence.checkAll();
      else edge.presence.onSubscribed([ROOM]);
      await later();
      expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
    },
  );

  it.each(['checkAll', 'onSubscribed'] as const)(
    'is shown anew after %s also when Redis did not answer that',
    async (how) => {
      const { redis, edge, other, register, later } = presenceRoom();
      for (const id of ['w', 'a']) register(id, id);
      const { socket } = await edge.connected('w', WATCHES);
      await later();
      vi.spyOn(edge.presence, 'onLive').mockImplementationOnce(() => undefined);
      await other.connected('a');
      await later();
      redis.presence.renumber(ROOM);
      redis.failing.add('checkPresence');
      if (how === 'checkAll') await edge.presence.checkAll().catch(() => undefined);
      else edge.presence.onSubscribed([ROOM]);
      await later();
      expect(shownMembers(socket, ROOM)).toEqual({ w: null });
      redis.failing.clear();
      await edge.presence.tend();
      await later();
      expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
    },
  );

  it('is shown anew also when the snapshot could not be read, with topics of another batch still to compare', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    for (const id of ['w', 'a']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    const rooms = Array.from({ length: 600 }, (_, index) => `room-${index}`);
    for (const room of rooms) redis.topic(room).settings = { expireSeconds: null, presence: { ...DEFAULT_PRESENCE } };
    redis.register('many', rooms);
    await edge.connected('many');
    await later();
    vi.spyOn(edge.presence, 'onLive').mockImplementationOnce(() => undefined);
    await other.connected('a');
    await later();
    redis.presence.renumber(ROOM);
    redis.failing.add('snapshotPresence');
    await edge.presence.checkAll();
    redis.failing.clear();
    await edge.presence.tend();
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
  });

  it('is written anew when the edge was taken for dead', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'ann');
    await edge.connected('a');
    await later();
    redis.presence.reap('edge-a');
    edge.edge.compareEverything();
    await edge.settled();
    await later();
    expect(redis.presence.members(ROOM)).toEqual(['ann']);
  });

  it('stays when the edge leaves in order, so that whoever comes back elsewhere neither leaves nor joins', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    for (const id of ['w', 'a']) register(id, id);
    const { socket } = await other.connected('w', WATCHES);
    const { connection } = await edge.connected('a');
    await later();
    const before = presenceOf(socket).length;
    connection.close({ code: 1012, reason: 'restarting', next: 'reconnect-after-delay' });
    edge.edge.hub.onClosed(connection);
    const left = edge.edge.leave(0);
    await later();
    await left;
    expect([...redis.presence.left]).toEqual(['edge-a']);
    expect(redis.calls.indexOf('leavePresence')).toBeLessThan(redis.calls.indexOf('dropLease'));
    expect(redis.presence.members(ROOM)).toEqual(['a', 'w']);
    await other.connected('a');
    await later(GRACE_MS);
    redis.presence.reap('edge-a');
    await later();
    expect(presenceOf(socket)).toHaveLength(before);
  });
});

describe('a topic without presence', () => {
  it('costs no call, no object and no byte', async () => {
    const redis = new MemoryRedis();
    redis.register('a', ['plain'], { user: 'ann', seesPresence: [['**']] });
    const edge = memoryEdge(redis);
    const { socket, connection } = await edge.connected('a', WATCHES);
    redis.publish('plain', '1');
    vi.advanceTimersByTime(SOON_MS);
    await edge.presence.tend();
    expect([...connection.subscriptions.values()].map(({ topic }) => topic.presence)).toEqual([null]);
    edge.edge.hub.onClosed(connection);
    await edge.edge.leave(0);
    expect(edge.presence.size).toBe(0);
    expect(redis.calls.filter((call) => call.endsWith('Presence'))).toEqual([]);
    expect(presenceOf(socket)).toEqual([]);
  });

  it('begins and ends to have it while connections are subscribed, and they follow', async () => {
    const { redis, edge, register, later } = presenceRoom();
    redis.putTopic(ROOM, { presence: null });
    for (const id of ['w', 'a']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await edge.connected('a');
    await later();
    expect(presenceOf(socket)).toEqual([]);
    redis.putTopic(ROOM, { presence: { ...DEFAULT_PRESENCE } });
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
    redis.putTopic(ROOM, { presence: { ...DEFAULT_PRESENCE, by: 'client' } });
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ [anonymous(redis, 'w')]: null, [anonymous(redis, 'a')]: null });
    redis.putTopic(ROOM, { presence: null });
    await later();
    const before = presenceOf(socket).length;
    register('b', 'bob');
    await edge.connected('b');
    await later();
    expect(presenceOf(socket)).toHaveLength(before);
    expect(edge.presence.size).toBe(0);
  });
});

it('the members of an edge are counted', async () => {
  const { edge, register, later } = presenceRoom();
  for (const id of ['a', 'b']) register(id, id);
  await edge.connected('a', WATCHES);
  await edge.connected('b');
  await later();
  expect(edge.presence.members).toBe(2);
  expect(edge.counters.presenceFrames).toBeGreaterThan(0);
});
