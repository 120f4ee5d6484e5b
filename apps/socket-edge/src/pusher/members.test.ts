import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { describe, expect, it } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, app, pusherEdge, until } from '../testing/pusher-edge.ts';

const SUBSCRIBED = 'pusher_internal:subscription_succeeded';
const ADDED = 'pusher_internal:member_added';
const REMOVED = 'pusher_internal:member_removed';
const ROOM = 'presence-room';
const TOPIC = channelTopic(app.appId, ROOM);

/** Two edges. */
function setup() {
  const redis = new MemoryRedis();
  return { redis, edge: pusherEdge(redis), other: pusherEdge(redis, '00000000000b') };
}

type Setup = ReturnType<typeof setup>;

async function joined(edge: Setup['edge'], data: object): Promise<PusherClient> {
  const client = await edge.connected();
  client.subscribe(ROOM, JSON.stringify(data));
  await until(() => client.of(SUBSCRIBED).length > 0);
  return client;
}

function idsOf(client: PusherClient): unknown {
  const [data] = client.of(SUBSCRIBED) as { presence: { ids: unknown[] } }[];
  return data?.presence.ids;
}

const refused = (client: PusherClient): unknown[] => client.of('pusher:subscription_error');
const inRedis = ({ redis }: Setup): string[] => redis.presence.members(TOPIC);

describe('the members of a channel', () => {
  it('are those of all edges, each user once, and the connection itself before Redis has it', async () => {
    const all = setup();
    await joined(all.edge, { user_id: 'a' });
    await joined(all.edge, { user_id: 'a' });
    await until(() => inRedis(all).length === 1);
    const b = await joined(all.other, { user_id: 'b', user_info: { n: 1 } });
    expect(b.of(SUBSCRIBED)).toEqual([{ presence: { ids: ['a', 'b'], hash: { a: null, b: { n: 1 } }, count: 2 } }]);
  });

  it('come with the first connection of a user, and go with the last', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    const first = await joined(all.other, { user_id: 'a', user_info: 1 });
    await until(() => watcher.of(ADDED).length === 1);
    const second = await joined(all.edge, { user_id: 'a', user_info: 2 });
    first.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } });
    await until(() => all.redis.presence.saved().get(TOPIC)?.edges.size === 1);
    await all.edge.settled();
    expect(watcher.of(ADDED)).toEqual([{ user_id: 'a', user_info: 1 }]);
    expect(watcher.of(REMOVED)).toEqual([]);
    second.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } });
    await until(() => watcher.of(REMOVED).length === 1);
    expect(watcher.of(REMOVED)).toEqual([{ user_id: 'a' }]);
  });

  it('are not about the connection itself', async () => {
    const all = setup();
    const [one, other] = [await joined(all.edge, { user_id: 'a' }), await joined(all.other, { user_id: 'b' })];
    await until(() => one.of(ADDED).length > 0 && inRedis(all).length === 2);
    await all.edge.settled();
    expect(one.of(ADDED)).toEqual([{ user_id: 'b' }]);
    expect(other.of(ADDED)).not.toContainEqual({ user_id: 'b' });
  });

  it('of an edge that died go when its lease is over', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    await joined(all.other, { user_id: 'a' });
    await until(() => watcher.of(ADDED).length === 1);
    await until(() => {
      all.redis.presence.reap('00000000000b');
      return watcher.of(REMOVED).length === 1;
    });
    expect(watcher.of(REMOVED)).toEqual([{ user_id: 'a' }]);
  });

  it('stay for a moment when a connection is lost, and go at once when it is closed on purpose', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    const [lost, closed] = [await joined(all.edge, { user_id: 'l' }), await joined(all.edge, { user_id: 'c' })];
    await until(() => watcher.of(ADDED).length === 2);
    lost.connection.end(false, 'lost');
    closed.connection.end(true, 'closed');
    await until(() => watcher.of(REMOVED).length === 1);
    expect(watcher.of(REMOVED)).toEqual([{ user_id: 'c' }]);
  });

  it('that were missed are shown as the difference, once a snapshot is read', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    await until(() => inRedis(all).length === 1);
    const leaver = await joined(all.other, { user_id: 'l' });
    await until(() => watcher.of(ADDED).length === 1);
    all.redis.away = true;
    all.redis.presence.set(TOPIC, 'edge-c', 2, [{ id: 'c', info: '{"user_id":"c"}' }]);
    all.redis.presence.renumber(TOPIC);
    leaver.connection.end(true, 'closed');
    all.redis.away = false;
    await until(() => !inRedis(all).includes('l'));
    all.edge.edge.compareEverything();
    await until(() => watcher.of(ADDED).length === 2 && watcher.of(REMOVED).length === 1);
    await all.edge.settled();
    expect(watcher.of(ADDED)).toEqual([{ user_id: 'l' }, { user_id: 'c' }]);
    expect(watcher.of(REMOVED)).toEqual([{ user_id: 'l' }]);
  });

  it('that came while the first connection of an edge was about to join are shown to it', async () => {
    const all = setup();
    await joined(all.other, { user_id: 'a' });
    const published = (id: string): boolean => all.redis.presence.saved().get(TOPIC)?.published.has(id) === true;
    await until(() => published('a'));
    const client = await all.edge.connected();
    const goOn = all.redis.hold('snapshotPresence');
    all.redis.calls.length = 0;
    client.subscribe(ROOM, '{"user_id":"a"}');
    await until(() => all.redis.calls.includes('snapshotPresence'));
    const b = await all.other.connected();
    b.subscribe(ROOM, '{"user_id":"b"}');
    await until(() => published('b'));
    goOn();
    await until(() => client.of(ADDED).length > 0);
    expect(idsOf(client)).toEqual(['a']);
    expect(client.of(ADDED)).toEqual([{ user_id: 'b' }]);
  });

  it('are sent as the difference to a connection that took nothing for a while', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    watcher.socket.stopped = true;
    watcher.socket.bufferedBytes = 100_000;
    watcher.connection.onWaiting();
    const before = watcher.frames().length;
    for (let index = 0; index < 5; index += 1) await joined(all.other, { user_id: `m${index}` });
    const leaver = await joined(all.other, { user_id: 'l' });
    leaver.connection.end(true, 'closed');
    await until(() => inRedis(all).length === 6);
    expect(watcher.frames()).toHaveLength(before);
    watcher.socket.resume();
    all.edge.door.onDrain(watcher.connection);
    await until(() => watcher.of(ADDED).length >= 5);
    await all.edge.settled();
    expect(watcher.of(ADDED)).toEqual([0, 1, 2, 3, 4].map((index) => ({ user_id: `m${index}` })));
    expect(watcher.of(REMOVED)).toEqual([]);
  });

  it('may have any name', async () => {
    const all = setup();
    const ids = ['__proto__', 'a "b" \\ {c}', 'ü', '~ref', '10'];
    for (const id of ids) await joined(all.edge, { user_id: id });
    await until(() => all.redis.presence.saved().get(TOPIC)?.published.size === ids.length);
    const last = await joined(all.other, { user_id: 10.5 });
    expect(idsOf(last)).toEqual(expect.arrayContaining([...ids, 10.5]));
  });

  it('are at most as many as the app allows, over all edges and at once; who is there may come again', async () => {
    const redis = new MemoryRedis();
    redis.channels.apps.set(app.key, { ...app, maxPresenceMembers: 3 });
    const edge = pusherEdge(redis);
    const clients = await Promise.all(Array.from({ length: 6 }, () => edge.connected()));
    for (const [index, client] of clients.entries()) client.subscribe(ROOM, JSON.stringify({ user_id: `u${index}` }));
    await until(() => clients.every((client) => client.of(SUBSCRIBED).length + refused(client).length === 1));
    expect(clients.filter((client) => refused(client).length > 0)).toHaveLength(3);
    expect(refused(clients[5] as PusherClient)).toMatchObject([{ type: 'LimitReached', status: 4100 }]);
    const again = await edge.connected();
    again.subscribe(ROOM, JSON.stringify({ user_id: 'u0' }));
    await until(() => again.of(SUBSCRIBED).length === 1);
  });

  it('of a channel that Redis lost are shown as the difference, without another answer', async () => {
    const all = setup();
    const watcher = await joined(all.edge, { user_id: 'w' });
    await joined(all.other, { user_id: 'a' });
    await until(() => watcher.of(ADDED).length === 1);
    all.redis.topics.delete(TOPIC);
    all.redis.presence.lose();
    for (const { edge } of [all.edge, all.other]) edge.compareEverything();
    await until(() => inRedis(all).length === 2);
    await joined(all.other, { user_id: 'b' });
    await until(() => watcher.of(ADDED).some((member) => (member as { user_id: string }).user_id === 'b'));
    expect(watcher.of(SUBSCRIBED)).toHaveLength(1);
    const present = new Set(['w', 'a']);
    for (const { event, data } of watcher.frames()) {
      const { user_id: id } = typeof data === 'string' ? (JSON.parse(data) as { user_id: string }) : { user_id: '' };
      if (event === ADDED) present.add(id);
      if (event === REMOVED) present.delete(id);
    }
    expect([...present].toSorted()).toEqual(['a', 'b', 'w']);
  });

  it('are written once for all that are among them', async () => {
    const all = setup();
    await joined(all.edge, { user_id: 'a' });
    await until(() => inRedis(all).length === 1);
    const [one, other] = [await joined(all.edge, { user_id: 'a' }), await joined(all.edge, { user_id: 'a' })];
    const greeting = one.socket.writes.at(-1);
    expect(String(greeting)).toContain(SUBSCRIBED);
    expect(other.socket.writes.at(-1)).toBe(greeting);
    other.subscribe(ROOM, '{"user_id":"a"}');
    expect(other.of(SUBSCRIBED)).toHaveLength(2);
    expect(other.socket.writes.at(-1)).toBe(greeting);
    const b = await joined(all.edge, { user_id: 'b' });
    expect(idsOf(b)).toEqual(['a', 'b']);
    await until(() => one.of(ADDED).length > 0);
    expect(idsOf(await joined(all.edge, { user_id: 'a' }))).toEqual(['a', 'b']);
  });

  it.each([
    ['a user_id', '{"user_id":"a\\ud800"}'],
    ['channel_data', '{"user_id":"a","user_info":"\ud800"}'],
  ])('are none with half of a character: %s', async (_, data) => {
    const all = setup();
    const client = await all.edge.connected();
    client.subscribe(ROOM, data);
    await until(() => refused(client).length + client.of(SUBSCRIBED).length > 0);
    expect(refused(client)).toMatchObject([{ type: 'InvalidData', error: expect.stringContaining('well-formed') }]);
  });

  it('are answered once more to a connection that asks more than once', async () => {
    const all = setup();
    const client = await joined(all.edge, { user_id: 'a' });
    for (let again = 0; again < 5; again += 1) client.subscribe(ROOM, '{"user_id":"a"}');
    expect(client.of(SUBSCRIBED)).toHaveLength(2);
    await until(() => inRedis(all).length === 1);
    client.send({ event: 'pusher:unsubscribe', data: { channel: ROOM } });
    await until(() => inRedis(all).length === 0);
  });
});
