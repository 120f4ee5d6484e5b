import { describe, expect, it } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { app, pusherEdge, until } from '../testing/pusher-edge.ts';

const SUBSCRIBED = 'pusher_internal:subscription_succeeded';

describe('a connection', () => {
  it('is established with a socket id that tells its edge, and the activity time-out', async () => {
    const edge = pusherEdge(new MemoryRedis());
    const { socketId, frames } = await edge.connected();
    expect(socketId).toBe('10.1');
    expect(frames()).toEqual([
      { event: 'pusher:connection_established', data: '{"socket_id":"10.1","activity_timeout":120}' },
    ]);
  });

  it('is answered its pings', async () => {
    const client = await pusherEdge(new MemoryRedis()).connected();
    client.send({ event: 'pusher:ping', data: {} });
    expect(client.frames().at(-1)).toEqual({ event: 'pusher:pong', data: '{}' });
  });

  it('counts for its app, until it has ended', async () => {
    const redis = new MemoryRedis();
    const edge = pusherEdge(redis);
    redis.channels.apps.set('other-key', { ...app, appId: 'other', key: 'other-key' });
    redis.channels.apps.set('second-key', { ...app, key: 'second-key' });
    const [ours, ended] = [await edge.connected(), await edge.connected()];
    for (const key of ['other-key', 'second-key', 'no-key']) edge.connect({ ok: true, key });
    await edge.settled();
    expect(edge.door.details()).toEqual({ appConnections: { [app.appId]: 3, other: 1 } });
    for (const { connection } of [ours, ended]) edge.door.onClosed(connection);
    expect(edge.door.details()).toEqual({ appConnections: { [app.appId]: 1, other: 1 } });
  });

  it('of a key that no app has is answered so, and ends for ever', async () => {
    const edge = pusherEdge(new MemoryRedis());
    await edge.beat();
    const client = edge.connect({ ok: true, key: 'other' });
    await edge.settled();
    expect(client.of('pusher:error')).toEqual([{ code: 4001, message: expect.any(String) }]);
    expect(client.socket.closed).toMatchObject({ code: 4001 });
  });
});

describe('a public channel', () => {
  it('is answered, and brings its events as they were published', async () => {
    const edge = pusherEdge(new MemoryRedis());
    const client = await edge.connected();
    client.send({ event: 'pusher:subscribe', data: { channel: 'news', auth: '' } });
    await edge.settled();
    expect(client.frames().at(-1)).toEqual({ event: SUBSCRIBED, channel: 'news', data: '{}' });
    edge.publish('news', 'evt', '{"x":1}');
    await edge.settled();
    expect(client.frames().at(-1)).toEqual({ event: 'evt', channel: 'news', data: '{"x":1}' });
  });
});

describe('a presence channel', () => {
  it('shows its members, itself among them, and who comes and goes', async () => {
    const redis = new MemoryRedis();
    const [edge, other] = [pusherEdge(redis), pusherEdge(redis, '00000000000b')];
    const [ann, bob] = [await edge.connected(), await other.connected()];
    ann.subscribe('presence-room', '{"user_id":10,"user_info":{"name":"Ann"}}');
    await until(() => ann.of(SUBSCRIBED).length > 0);
    expect(ann.of(SUBSCRIBED)).toEqual([{ presence: { ids: [10], hash: { 10: { name: 'Ann' } }, count: 1 } }]);
    await until(() => redis.presence.members(`!${app.appId}!presence-room`).length === 1);
    bob.subscribe('presence-room', '{"user_id":"bob"}');
    await until(() => ann.of('pusher_internal:member_added').length > 0);
    expect(ann.of('pusher_internal:member_added')).toEqual([{ user_id: 'bob' }]);
    expect(bob.of('pusher_internal:member_added')).toEqual([]);
    expect(bob.of(SUBSCRIBED)).toEqual([
      { presence: { ids: [10, 'bob'], hash: { 10: { name: 'Ann' }, bob: null }, count: 2 } },
    ]);
    ann.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } });
    await until(() => bob.of('pusher_internal:member_removed').length > 0);
    expect(bob.of('pusher_internal:member_removed')).toEqual([{ user_id: 10 }]);
  });
});
