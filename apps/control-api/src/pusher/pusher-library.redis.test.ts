import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { eventually } from '@holdfast/testkit/eventually';
import Pusher from 'pusher';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APP, type TestApi, startTestApi } from '../testing/api.ts';
import { type TestEdge, startTestEdge } from '../testing/edge.ts';

const topicOf = (channel: string) => channelTopic(APP.appId, channel);
const CHANNELS = ['orders', 'private-encrypted-a', '#server-to-user-ann', onlineChannel('ann')];
const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

let api: TestApi;
let edge: TestEdge;
let port: number;
let pusher: Pusher;
beforeAll(async () => {
  api = await startTestApi();
  port = Number(new URL(await api.app.listen({ host: '127.0.0.1', port: 0 })).port);
  pusher = library();
  edge = await startTestEdge(api, { topics: CHANNELS.map(topicOf), appConnections: { [APP.appId]: 2 } });
  const room = topicOf('presence-room');
  await edge.broker.openChannel(room, { by: 'user', show: 'members', limit: 100, graceSeconds: 0 });
  await edge.broker.setPresence(room, edge.id, { sequence: 1, members: [{ id: 'u-1', info: null }] });
  await edge.broker.changeOccupancy(edge.id, [room, topicOf('orders')], []);
});
afterAll(async () => {
  edge.stop();
  await api.stop();
});

function library(changes: Partial<Pusher.Options> = {}): Pusher {
  const options = { ...APP, useTLS: false, encryptionMasterKeyBase64: MASTER_KEY, ...changes };
  return new Pusher({ ...options, host: '127.0.0.1', port: String(port) });
}

/** The frames of the last events on a channel. */
const framesOn = (channel: string) =>
  edge.received.flatMap(({ topic, payload }) =>
    topic === topicOf(channel) && payload.kind === 'message'
      ? [{ ...(JSON.parse(String(payload.data)) as { event: string; data: string }), except: payload.except }]
      : [],
  );
const lastOn = async (channel: string, event: string) =>
  eventually(() => {
    const found = framesOn(channel).findLast((frame) => frame.event === event);
    expect(found).toBeDefined();
    return found;
  });

const read = async (path: string, params = {}) => (await pusher.get({ path, params })).json();

/** What the library rejects with. */
const statusOf = async (call: Promise<unknown>) =>
  call.then(
    () => 200,
    (error: unknown) => (error as { status?: number }).status,
  );

describe('the library "pusher", unmodified and over TCP', () => {
  test('triggers an event, excludes a socket and reads info', async () => {
    const answer = await pusher.trigger(
      ['orders', 'presence-room'],
      'placed',
      { text: 'ä😀' },
      {
        socket_id: '12.34',
        info: 'user_count,subscription_count',
      },
    );
    expect(await answer.json()).toEqual({
      channels: { orders: { subscription_count: 1 }, 'presence-room': { user_count: 1 } },
    });
    expect(await lastOn('orders', 'placed')).toMatchObject({ data: '{"text":"ä😀"}', except: '12.34' });
  });

  test('triggers a batch', async () => {
    const batch = [
      { channel: 'orders', name: 'one', data: 'plain' },
      { channel: 'orders', name: 'two', data: { a: 1 }, info: 'subscription_count' },
    ];
    expect(await (await pusher.triggerBatch(batch)).json()).toEqual({ batch: [{}, { subscription_count: 1 }] });
    expect(await lastOn('orders', 'two')).toMatchObject({ data: '{"a":1}' });
    expect(
      framesOn('orders')
        .slice(-2)
        .map(({ event }) => event),
    ).toEqual(['one', 'two']);
  });

  test('triggers an encrypted event, whose data is not readable on the way', async () => {
    await pusher.trigger('private-encrypted-a', 'secret', { pin: 1234 });
    const frame = await lastOn('private-encrypted-a', 'secret');
    const { nonce, ciphertext } = JSON.parse(frame?.data ?? '') as Record<string, string>;
    expect([nonce, ciphertext]).toEqual([expect.any(String), expect.any(String)]);
    expect(frame?.data).not.toContain('1234');
  });

  test('sends to a user, and ends the connections of a user', async () => {
    await pusher.sendToUser('ann', 'hello', 'you');
    expect(await lastOn('#server-to-user-ann', 'hello')).toMatchObject({ data: 'you' });
    await pusher.terminateUserConnections('ann');
    await eventually(() =>
      expect(edge.received).toContainEqual({ topic: topicOf(onlineChannel('ann')), payload: { kind: 'terminate' } }),
    );
    // The HTTP client escapes what the library has signed unescaped.
    expect(await statusOf(pusher.terminateUserConnections('<a^b>|'))).toBe(200);
  });

  test('reads channels, a channel and its users', async () => {
    expect(await read('/channels', { filter_by_prefix: 'presence-', info: 'user_count' })).toEqual({
      channels: { 'presence-room': { user_count: 1 } },
    });
    expect(await read('/channels/presence-room', { info: 'user_count,subscription_count' })).toEqual({
      occupied: true,
      user_count: 1,
    });
    expect(await read('/channels/presence-room/users')).toEqual({ users: [{ id: 'u-1' }] });
    expect(await read('/connections')).toEqual({ connections: 2 });
  });

  test('is refused by the status that it reports', async () => {
    expect(await statusOf(library({ secret: 'another' }).trigger('orders', 'x', ''))).toBe(401);
    expect(await statusOf(library({ key: 'another' }).trigger('orders', 'x', ''))).toBe(401);
    expect(await statusOf(library({ appId: 'none' }).trigger('orders', 'x', ''))).toBe(404);
    expect(
      await statusOf(library({ appId: 'over', key: 'over-key', secret: 'over-secret' }).trigger('a', 'x', '')),
    ).toBe(403);
    expect(await statusOf(pusher.trigger('orders', 'x', 'x'.repeat(10 * 1024 + 1)))).toBe(413);
    expect(await statusOf(pusher.get({ path: '/channels/orders/users' }))).toBe(400);
    expect(await statusOf(pusher.trigger('orders', 'x', undefined))).toBe(400);
  });
});
