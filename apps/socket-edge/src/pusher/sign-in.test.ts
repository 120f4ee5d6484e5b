import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { userSignature } from '@holdfast/pusher/signatures';
import { describe, expect, it } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, app, pusherEdge, until } from '../testing/pusher-edge.ts';

const SUBSCRIBED = 'pusher_internal:subscription_succeeded';
const SIGNED_IN = 'pusher:signin_success';
const WATCHLIST = 'pusher_internal:watchlist_events';

function setup() {
  const redis = new MemoryRedis();
  return { redis, edge: pusherEdge(redis), other: pusherEdge(redis, '00000000000b') };
}

async function signedIn(edge: ReturnType<typeof setup>['edge'], user: object): Promise<PusherClient> {
  const client = await edge.connected();
  client.signIn(user);
  await until(() => client.connection.opening === null);
  return client;
}

const online = (id: string): string => channelTopic(app.appId, onlineChannel(id));

describe('a sign-in', () => {
  it('is answered with the data as it was signed', async () => {
    const { edge } = setup();
    const client = await signedIn(edge, { id: 'alice', other: [1] });
    expect(client.of(SIGNED_IN)).toEqual([{ user_data: '{"id":"alice","other":[1]}' }]);
    client.signIn({ id: 'alice' });
    expect(client.of(SIGNED_IN)).toHaveLength(2);
  });

  it('is answered once its connection can be ended, however often it asks meanwhile', async () => {
    const { redis, edge } = setup();
    const client = await edge.connected();
    const release = redis.hold('openChannel');
    client.signIn({ id: 'alice' });
    client.signIn({ id: 'alice' });
    await edge.settled();
    expect(client.of(SIGNED_IN)).toEqual([]);
    release();
    await until(() => client.of(SIGNED_IN).length > 0);
    expect(edge.edge.topics.isOccupied(online('alice'))).toBe(true);
    await edge.settled();
    expect(client.of(SIGNED_IN)).toHaveLength(1);
    redis.sendToTopic(online('alice'), { kind: 'terminate' });
    expect(client.socket.closed?.code).toBe(4009);
  });

  it('whose user is ended before it is answered never is', async () => {
    const { redis, edge } = setup();
    const other = await signedIn(edge, { id: 'alice' });
    const client = await edge.connected();
    const release = redis.hold('openChannel');
    client.signIn({ id: 'alice' });
    redis.sendToTopic(online('alice'), { kind: 'terminate' });
    release();
    await edge.settled();
    expect([other, client].map(({ socket }) => socket.closed?.code)).toEqual([4009, 4009]);
    expect(client.of(SIGNED_IN)).toEqual([]);
  });

  it('opens the channel of the user, and no other', async () => {
    const { edge } = setup();
    const client = await signedIn(edge, { id: 'alice' });
    for (const user of ['alice', 'bob']) {
      client.send({ event: 'pusher:subscribe', data: { channel: `#server-to-user-${user}`, auth: '' } });
    }
    await until(() => client.of(SUBSCRIBED).length > 0);
    expect(client.of('pusher:subscription_error')).toMatchObject([{ type: 'AuthError', status: 401 }]);
    edge.publish('#server-to-user-alice', 'hello', '1');
    await until(() => client.of('hello').length > 0);
  });

  it('makes the user the member of a presence channel that it joins without channel_data', async () => {
    const { edge } = setup();
    const client = await signedIn(edge, { id: 'alice', user_info: { n: 1 } });
    client.subscribe('presence-a');
    await until(() => client.of(SUBSCRIBED).length > 0);
    expect(client.of(SUBSCRIBED)).toEqual([{ presence: { ids: ['alice'], hash: { alice: { n: 1 } }, count: 1 } }]);
  });

  it.each<[user: object, code: number]>([
    [{}, 4200],
    [{ id: '' }, 4200],
    [{ id: 10 }, 4200],
    [{ id: 'a b' }, 4200],
    [{ id: 'a', watchlist: 'b' }, 4200],
    [{ id: 'a', user_info: 'x'.repeat(3000) }, 4200],
  ])('with %j is refused, and the connection stays', async (user, code) => {
    const { edge } = setup();
    const client = await edge.connected();
    client.signIn(user);
    expect(client.of('pusher:error')).toMatchObject([{ code }]);
    expect(client.socket.closed).toBeNull();
    expect(client.connection.user).toBeNull();
  });

  it('with half of a character is refused: in Redis it would be another', async () => {
    const { edge } = setup();
    const client = await edge.connected();
    const data = '{"id":"alice","user_info":"\ud800"}';
    const auth = `${app.key}:${userSignature(app.secret, client.socketId, data)}`;
    client.send({ event: 'pusher:signin', data: { auth, user_data: data } });
    expect(client.of('pusher:error')).toMatchObject([{ code: 4200, message: expect.stringContaining('well-formed') }]);
    expect(client.connection.user).toBeNull();
  });

  it('with a wrong signature, or as another user, is refused', async () => {
    const { edge } = setup();
    const client = await edge.connected();
    client.send({ event: 'pusher:signin', data: { auth: `${app.key}:00`, user_data: '{"id":"alice"}' } });
    expect(client.of('pusher:error')).toMatchObject([{ code: 4009 }]);
    client.signIn({ id: 'alice' });
    client.signIn({ id: 'bob' });
    expect(client.of('pusher:error')).toMatchObject([{ code: 4009 }, { code: 4009 }]);
    expect(client.connection.user?.id).toBe('alice');
  });
});

describe('the connections of a user', () => {
  it('are ended for ever, those of others are not', async () => {
    const { redis, edge, other } = setup();
    const [one, two] = [await signedIn(edge, { id: 'alice' }), await signedIn(other, { id: 'alice' })];
    const bob = await signedIn(edge, { id: 'bob', watchlist: ['alice'] });
    redis.sendToTopic(online('alice'), { kind: 'terminate' });
    expect([one, two, bob].map(({ socket }) => socket.closed?.code)).toEqual([4009, 4009, undefined]);
    expect(one.of('pusher:error')).toMatchObject([{ code: 4009 }]);
    expect([edge.door.users, other.door.users]).toEqual([1, 0]);
  });
});

it('a connection whose app has got another id since its sign-in leaves nothing behind', async () => {
  const { redis, edge } = setup();
  const client = await signedIn(edge, { id: 'alice' });
  await until(() => redis.presence.members(online('alice')).length === 1);
  if (client.connection.app) client.connection.app.known = { ...app, appId: 'another' };
  edge.door.onClosed(client.connection);
  expect(edge.door.users).toBe(0);
  await until(() => redis.presence.members(online('alice')).length === 0);
});

describe('a watchlist', () => {
  it('is shown who is online, all at once, and then each change', async () => {
    const { redis, edge, other } = setup();
    const bob = await signedIn(other, { id: 'bob' });
    await until(() => redis.presence.members(online('bob')).length === 1);
    const alice = await signedIn(edge, { id: 'alice', watchlist: ['bob', 'zoe', 'alice', 'bob', 7] });
    expect(alice.of(WATCHLIST)).toEqual([
      {
        events: [
          { name: 'online', user_ids: ['bob'] },
          { name: 'offline', user_ids: ['zoe'] },
        ],
      },
    ]);
    await signedIn(edge, { id: 'zoe' });
    await until(() => alice.of(WATCHLIST).length === 2);
    bob.connection.end(true, 'closed');
    await until(() => alice.of(WATCHLIST).length === 3);
    expect(alice.of(WATCHLIST).slice(1)).toEqual([
      { events: [{ name: 'online', user_ids: ['zoe'] }] },
      { events: [{ name: 'offline', user_ids: ['bob'] }] },
    ]);
    // It is a member nowhere for watching.
    expect(redis.presence.members(online('bob'))).toEqual([]);
  });

  it('beyond a hundred is answered with an error, and the first hundred are watched', async () => {
    const { edge } = setup();
    const users = Array.from({ length: 130 }, (_, index) => `u${index}`);
    const alice = await signedIn(edge, { id: 'alice', watchlist: users });
    await until(() => alice.of(WATCHLIST).length > 0);
    expect(alice.of('pusher:error')).toMatchObject([{ code: 4302 }]);
    expect(alice.of(WATCHLIST)).toEqual([{ events: [{ name: 'offline', user_ids: users.slice(0, 100) }] }]);
    expect(alice.socket.closed).toBeNull();
  });

  it('cannot be left by the name of a channel', async () => {
    const { edge } = setup();
    const alice = await signedIn(edge, { id: 'alice', watchlist: ['bob'] });
    const before = alice.connection.subscriptions.size;
    alice.send({ event: 'pusher:unsubscribe', data: { channel: '#online-bob' } });
    expect(alice.connection.subscriptions.size).toBe(before);
  });
});
