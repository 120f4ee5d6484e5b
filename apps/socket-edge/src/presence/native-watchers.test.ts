import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Presence as PresenceFrame } from '@holdfast/protocol/down';
import { FAKED, ROOM, SOON_MS, WATCHES, presenceRoom } from '../testing/presence-room.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { shownMembers } from '../testing/shown-members.ts';
import { turns } from '../testing/turns.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import type { Subscription } from '../topic/subscription.ts';
import { broadcast } from '../transport/broadcast.ts';
import { NativeWatchers } from './native-watchers.ts';

/** What is closed when more of it waits. */
const OVERFLOW_BYTES = 192 * 1024;

beforeEach(() => vi.useFakeTimers({ toFake: [...FAKED] }));
afterEach(() => vi.useRealTimers());

const frames = (socket: RecordingTransport): PresenceFrame[] => socket.of('presence');

/** Registers and connects many, each a user of its own. */
async function crowd(room: ReturnType<typeof presenceRoom>, count: number, info: string | null = null) {
  const ids = Array.from({ length: count }, (_, index) => `c${index}`);
  for (const id of ids) room.register(id, id, { info });
  for (const id of ids) await room.edge.connect(id);
  await room.later(2000);
  return ids;
}

describe('a connection opened with ?presence=1', () => {
  it('is sent a snapshot behind its welcome, then each change', async () => {
    const { edge, register, later } = presenceRoom();
    for (const id of ['a', 'w', 'b']) register(id, id, { info: `"${id}"` });
    await edge.connected('a');
    await later();
    const { socket } = await edge.connected('w', WATCHES);
    expect(socket.frames.map(({ type }) => type).slice(0, 2)).toEqual(['welcome', 'presence']);
    expect(frames(socket)[0]).toMatchObject({ topic: ROOM, count: 1, members: [{ id: 'a', info: 'a' }], more: false });
    await later();
    const { connection } = await edge.connected('b');
    await later();
    connection.end(true);
    await later();
    const { version = 0 } = frames(socket)[0] ?? {};
    expect(frames(socket).slice(1)).toEqual([
      { type: 'presence', topic: ROOM, version: version + 1, count: 2, joined: [{ id: 'w', info: 'w' }], left: [] },
      { type: 'presence', topic: ROOM, version: version + 2, count: 3, joined: [{ id: 'b', info: 'b' }], left: [] },
      { type: 'presence', topic: ROOM, version: version + 3, count: 2, joined: [], left: ['b'] },
    ]);
  });

  it('is sent one behind `subscribed`, and nothing after `unsubscribed`', async () => {
    const { redis, edge, register, later } = presenceRoom();
    redis.register('w', [], { user: 'w', seesPresence: [['room']] });
    register('a', 'a');
    const { socket } = await edge.connected('w', WATCHES);
    redis.subscribe('w', ROOM);
    await edge.settled();
    expect(socket.frames.map(({ type }) => type)).toEqual(['welcome', 'subscribed', 'presence']);
    redis.unsubscribe('w', ROOM);
    await later();
    const before = frames(socket).length;
    await edge.connected('a');
    await later();
    expect(frames(socket)).toHaveLength(before);
  });

  it('is sent at most four frames a second of a topic', async () => {
    const { edge, register, later } = presenceRoom();
    register('w', 'w');
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    const before = frames(socket).length;
    for (let index = 0; index < 40; index += 1) {
      register(`c${index}`, `c${index}`);
      await edge.connect(`c${index}`);
      await later(50);
    }
    expect(frames(socket).length - before).toBeLessThanOrEqual(9);
    await later();
    expect(Object.keys(shownMembers(socket, ROOM))).toHaveLength(41);
  });

  it('sees members of other edges too', async () => {
    const { edge, other, register, later } = presenceRoom();
    for (const id of ['w', 'v', 'a']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    const { socket: there } = await other.connected('v', WATCHES);
    await later();
    const { connection } = await other.connected('a');
    await later();
    for (const shown of [socket, there]) expect(shownMembers(shown, ROOM)).toEqual({ w: null, v: null, a: null });
    connection.end(true);
    await later();
    for (const shown of [socket, there]) expect(shownMembers(shown, ROOM)).toEqual({ w: null, v: null });
  });
});

describe('who is present is shown', () => {
  it.each<[string, readonly (readonly string[])[], boolean]>([
    ['by no list', [], false],
    ['by a list that fits', [['room']], true],
    ['by a list that does not', [['rooms', 'room.*']], false],
    ['by one of two lists only', [['**'], ['other']], false],
    ['by both lists', [['**'], ['room']], true],
    ['by the user as a segment', [['{user}']], false],
  ])('to a client that may see it: %s', async (_, seesPresence, isShown) => {
    const { edge, register, later } = presenceRoom();
    register('w', 'wim', { seesPresence });
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    expect(frames(socket).length > 0).toBe(isShown);
  });

  it('to the user whose name is a segment of the topic', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('w', ROOM, { seesPresence: [['{user}']] });
    redis.register('v', [ROOM], { user: '*', seesPresence: [['{user}']] });
    const { socket } = await edge.connected('w', WATCHES);
    const { socket: not } = await edge.connected('v', WATCHES);
    await later();
    expect(frames(socket).length).toBeGreaterThan(0);
    expect(frames(not)).toEqual([]);
  });

  it('only on connections that asked for it', async () => {
    const { edge, register, later } = presenceRoom();
    register('w', 'wim');
    const { socket } = await edge.connected('w');
    await later();
    expect(frames(socket)).toEqual([]);
  });

  it('no more when the client may not see it any more, and again when it may', async () => {
    const { redis, edge, register, later } = presenceRoom();
    for (const id of ['w', 'a', 'b']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    const may = (seesPresence: string[][]) =>
      redis.change('w', (client) => {
        client.identity = { ...client.identity, seesPresence };
      });
    may([]);
    await edge.settled();
    const before = frames(socket).length;
    await edge.connected('a');
    await later();
    expect(frames(socket)).toHaveLength(before);
    may([['**']]);
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
  });
});

describe('a snapshot', () => {
  it('comes in pages of 500 of one version', async () => {
    const room = presenceRoom({ limit: 5000 });
    const ids = await crowd(room, 1200);
    room.register('w', 'w');
    const { socket } = await room.edge.connected('w', WATCHES);
    const pages = frames(socket).filter(({ members }) => members !== undefined);
    expect(pages.map(({ members, more }) => [members?.length, more])).toEqual([
      [500, true],
      [500, true],
      [200, false],
    ]);
    expect(new Set(pages.map(({ version, count }) => `${version} ${count}`)).size).toBe(1);
    expect(Object.keys(shownMembers(socket, ROOM))).toHaveLength(ids.length);
  });

  it('is sent as the socket takes it, and what changes meanwhile after it', async () => {
    const room = presenceRoom({ limit: 5000 });
    await crowd(room, 1000, JSON.stringify('x'.repeat(900)));
    room.register('w', 'w');
    const socket = new RecordingTransport();
    socket.stopped = true;
    const { connection } = await room.edge.connected('w', { ...WATCHES, socket });
    for (let round = 0; round < 60; round += 1) {
      room.register(`d${round}`, `d${round}`);
      if (round < 20) await room.edge.connect(`d${round}`);
      await room.later(200);
      socket.bufferedBytes = 0;
      room.edge.edge.hub.onDrain(connection);
      await room.edge.settled();
    }
    expect(socket.closed).toBeNull();
    expect(socket.mostBufferedBytes).toBeLessThan(OVERFLOW_BYTES);
    expect(Object.keys(shownMembers(socket, ROOM))).toHaveLength(1021);
  });

  it('is sent anew to a connection that was congested for long, and once to all that watch', async () => {
    const room = presenceRoom();
    for (const id of ['w', 'v']) room.register(id, id);
    const { socket, connection } = await room.edge.connected('w', WATCHES);
    const { socket: other } = await room.edge.connected('v', WATCHES);
    await room.later();
    socket.stopped = true;
    socket.bufferedBytes = 100_000;
    connection.onWaiting();
    const before = frames(socket).length;
    for (let round = 0; round < 30; round += 1) {
      room.register(`c${round}`, `c${round}`);
      await room.edge.connect(`c${round}`);
      await room.later(300);
    }
    expect(frames(socket)).toHaveLength(before);
    socket.resume();
    room.edge.edge.hub.onDrain(connection);
    await room.edge.settled();
    expect(frames(socket)[before]).toHaveProperty('members');
    expect(shownMembers(socket, ROOM)).toEqual(shownMembers(other, ROOM));
    expect(Object.keys(shownMembers(socket, ROOM))).toHaveLength(32);
  });

  it('is read again when a version was missed', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    for (const id of ['w', 'a', 'b']) register(id, id);
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    const reads = () => redis.calls.filter((call) => call === 'snapshotPresence').length;
    const before = reads();
    const live = vi.spyOn(edge.presence, 'onLive').mockImplementation(() => undefined);
    await other.connected('a');
    await later();
    live.mockRestore();
    await other.connected('b');
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null, b: null });
    expect(reads() - before).toBe(1);
  });

  it('is followed by what was published while it was read', async () => {
    const { redis, edge, other, register, later } = presenceRoom();
    for (const id of ['w', 'a', 'b']) register(id, id);
    await other.connected('a');
    await later();
    const answer = redis.hold('snapshotPresence');
    const { socket } = await edge.connected('w', WATCHES);
    await other.connected('b');
    await later(1000);
    expect(frames(socket)).toEqual([]);
    answer();
    await later();
    expect(shownMembers(socket, ROOM)).toEqual({ a: null, b: null, w: null });
    expect(redis.calls.filter((call) => call === 'snapshotPresence')).toHaveLength(1);
  });

  it('is read again within a round when the last version was missed, and when it could not be read', async () => {
    const { redis, edge, other, register, later, check } = presenceRoom();
    for (const id of ['w', 'a']) register(id, id);
    redis.failing.add('snapshotPresence');
    const { socket } = await edge.connected('w', WATCHES);
    await later();
    expect(frames(socket)).toEqual([]);
    redis.failing.clear();
    await check();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null });
    const live = vi.spyOn(edge.presence, 'onLive').mockImplementation(() => undefined);
    await other.connected('a');
    await later();
    live.mockRestore();
    await check();
    await check();
    expect(shownMembers(socket, ROOM)).toEqual({ w: null, a: null });
  });

  it('is not read where no connection watches', async () => {
    const { redis, edge, register, later } = presenceRoom();
    register('a', 'a');
    await edge.connected('a');
    await later();
    expect(redis.calls).not.toContain('snapshotPresence');
  });
});

describe('past the limit', () => {
  it('only the number is shown, at most every 5 s, and members again when there are fewer', async () => {
    const room = presenceRoom({ limit: 10 });
    room.register('w', 'w');
    const { socket } = await room.edge.connected('w', WATCHES);
    await room.later();
    await crowd(room, 20);
    await room.later(5000);
    expect(shownMembers(socket, ROOM)).toBe(21);
    const before = frames(socket).length;
    for (let index = 20; index < 40; index += 1) {
      room.register(`c${index}`, `c${index}`);
      await room.edge.connect(`c${index}`);
      await room.later(250);
    }
    expect(frames(socket).length - before).toBeLessThanOrEqual(2);
    await room.later(5000);
    expect(shownMembers(socket, ROOM)).toBe(41);
    for (let index = 0; index < 40; index += 1) room.edge.registry.get(`c${index}`)?.end(true);
    await room.later(6000);
    expect(shownMembers(socket, ROOM)).toEqual({ w: null });
  });

  it('and where a topic shows no more, a connection is sent the number', async () => {
    const room = presenceRoom({ show: 'count' });
    room.register('w', 'w');
    const { socket } = await room.edge.connected('w', WATCHES);
    await room.later(SOON_MS);
    expect(frames(socket).every((frame) => frame.members === undefined && frame.joined === undefined)).toBe(true);
    expect(shownMembers(socket, ROOM)).toBe(1);
  });
});

it('ten thousand members that join at once are written in few calls of bounded size', async () => {
  const room = presenceRoom({ limit: 20_000 });
  const change = vi.spyOn(room.redis.presence, 'change');
  const ids = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
  for (const id of ids) room.register(id, id, { info: '{"name":"somebody"}' });
  const connected = await Promise.all(ids.map((id) => room.edge.connect(id, id === 'c0' ? WATCHES : {})));
  // Without a timer: they come at once, however long the machine takes.
  while (room.edge.presence.members < ids.length) await turns(1);
  await room.later(5000);
  expect(room.redis.presence.members(ROOM)).toHaveLength(ids.length);
  expect(change.mock.calls.length).toBeLessThanOrEqual(25);
  expect(Math.max(...change.mock.calls.map(([, , { joined }]) => joined.length))).toBeLessThanOrEqual(1000);
  const socket = connected[0]?.socket ?? new RecordingTransport();
  expect(Object.keys(shownMembers(socket, ROOM))).toHaveLength(ids.length);
});

it('a connection that was congested gets the versions that it lacks before one that is being sent to all', async () => {
  const pieces: (() => unknown)[] = [];
  const slicer = { run: (piece: () => unknown) => pieces.push(piece) } as unknown as TimeSlicer;
  const socket = new RecordingTransport();
  const subscriber = { blocked: false, transport: socket, sendFrame: (frame: Buffer) => socket.send(frame) };
  const watchers = new NativeWatchers({
    topic: ROOM,
    slicer,
    broadcast,
    readSnapshot: async () => ({ version: 1, count: 0, members: [] }),
    onSent: () => undefined,
    onReadFailed: () => undefined,
  });
  const work = () => pieces.splice(0).forEach((piece) => piece());
  const publish = (version: number) => {
    const data = Buffer.from(JSON.stringify({ joined: [[`u${version}`, '']], left: [] }));
    watchers.onLive({ version, count: version - 1, data });
  };
  watchers.add({ ended: false, subscriber } as unknown as Subscription);
  await turns(2);
  work();
  subscriber.blocked = true;
  publish(2);
  work();
  publish(3);
  subscriber.blocked = false;
  work();
  expect(frames(socket).map(({ version }) => version)).toEqual([1, 2, 3]);
});
