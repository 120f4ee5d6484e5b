import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, app, pusherEdge, until } from '../testing/pusher-edge.ts';

const SUBSCRIBED = 'pusher_internal:subscription_succeeded';

async function subscribed(channel: string, data?: string, other = data) {
  const redis = new MemoryRedis();
  const edge = pusherEdge(redis);
  const [sender, receiver] = [await edge.connected(), await edge.connected()];
  sender.subscribe(channel, data);
  receiver.subscribe(channel, other);
  await until(() => [sender, receiver].every((client) => client.of(SUBSCRIBED).length > 0));
  return { redis, edge, sender, receiver };
}

function lastText({ socket }: PusherClient): string {
  return String(socket.writes.at(-1)).replace(/^[^{]*/, '');
}

describe('an event of a client', () => {
  it('reaches all others as it was sent, byte for byte, and not the sender', async () => {
    const { edge, sender, receiver } = await subscribed('private-a');
    sender.send('{"event":"client-typing","channel":"private-a","data": {"a" : 1.0, "b":12345678901234567890}}');
    await until(() => receiver.of('client-typing').length > 0);
    expect(lastText(receiver)).toBe(
      '{"event":"client-typing","channel":"private-a","data":{"a" : 1.0, "b":12345678901234567890}}',
    );
    await edge.settled();
    expect(sender.of('client-typing')).toEqual([]);
    edge.publish('private-a', 'evt', '1');
    await edge.settled();
    expect([sender.of('evt'), receiver.of('evt')]).toEqual([[1], [1]]);
  });

  it('on a presence channel has the user id of the sender, as it was signed', async () => {
    const { sender, receiver } = await subscribed('presence-a', '{"user_id":10}', '{"user_id":"u"}');
    sender.send({ event: 'client-a', channel: 'presence-a', data: 'x', user_id: 'forged' });
    await until(() => receiver.of('client-a').length > 0);
    expect(receiver.frames().at(-1)).toEqual({ event: 'client-a', channel: 'presence-a', data: 'x', user_id: 10 });
  });

  it('has an event for webhooks that want it', async () => {
    const { redis, edge, sender } = await subscribed('presence-a', '{"user_id":10}');
    sender.send({ event: 'client-a', channel: 'presence-a', data: { a: 1 } });
    await edge.settled();
    expect(redis.channels.events).toEqual([]);
    redis.channels.wanted.add('channel.client-event');
    sender.send({ event: 'client-b', channel: 'presence-a', data: { a: 1 } });
    await edge.settled();
    expect(redis.channels.events).toEqual([
      {
        topic: channelTopic(app.appId, 'presence-a'),
        type: 'channel.client-event',
        data: { event: 'client-b', data: '{"a":1}', socket_id: sender.socketId, user_id: '10' },
      },
    ]);
  });

  it('that Redis did not take is said to the sender, and is no event for webhooks', async () => {
    const { redis, edge, sender, receiver } = await subscribed('private-a');
    redis.channels.wanted.add('channel.client-event');
    redis.failing.add('publishToChannel');
    sender.send({ event: 'client-a', channel: 'private-a', data: 1 });
    await until(() => sender.of('pusher:error').length > 0);
    await edge.settled();
    expect(sender.of('pusher:error')).toEqual([{ code: 4301, message: expect.stringContaining('not sent') }]);
    expect(sender.socket.closed).toBeNull();
    expect(redis.channels.events).toEqual([]);
    redis.failing.clear();
    sender.send({ event: 'client-b', channel: 'private-a', data: 2 });
    await until(() => receiver.of('client-b').length > 0);
    await edge.settled();
    expect(receiver.of('client-a')).toEqual([]);
    expect(redis.channels.events).toHaveLength(1);
    expect(sender.of('pusher:error')).toHaveLength(1);
  });

  it('is one of ten a second: the others are refused, and the connection stays', async () => {
    const { edge, sender, receiver } = await subscribed('private-a');
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    for (let index = 0; index < 15; index += 1) sender.send({ event: 'client-a', channel: 'private-a', data: index });
    await edge.settled();
    expect(receiver.of('client-a')).toHaveLength(10);
    expect(sender.of('pusher:error')).toHaveLength(5);
    expect(sender.of('pusher:error')[0]).toMatchObject({ code: 4301 });
    expect(sender.socket.closed).toBeNull();
  });
});

describe('an event of a client is refused', () => {
  const event = { event: 'client-a', data: {} };

  it.each([
    ['on a public channel', { ...event, channel: 'news' }],
    ['on an encrypted channel', { ...event, channel: 'private-encrypted-a' }],
    ['on a channel that the connection has not', { ...event, channel: 'private-other' }],
    ['with too much data', { ...event, channel: 'private-a', data: 'x'.repeat(10_240) }],
  ])('%s', async (_, frame) => {
    const { redis, sender } = await subscribed('private-a');
    sender.subscribe('private-encrypted-a');
    sender.subscribe('news');
    await until(() => sender.of(SUBSCRIBED).length === 3);
    redis.calls.length = 0;
    sender.send(frame);
    expect(sender.of('pusher:error')).toMatchObject([{ code: 4301 }]);
    expect(redis.calls).toEqual([]);
  });

  it('where the app does not have them', async () => {
    const { redis, sender } = await subscribed('private-a');
    redis.channels.apps.set(app.key, { ...app, clientEvents: false });
    if (sender.connection.app) sender.connection.app.known = { ...app, clientEvents: false };
    sender.send({ ...event, channel: 'private-a' });
    expect(sender.of('pusher:error')).toMatchObject([{ code: 4301 }]);
  });
});
