import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, it } from 'vitest';
import { channelName } from './client.ts';
import { backend, client, door, frames } from './shared.ts';

const PING = { event: 'pusher:ping', data: {} };

async function countConnections(): Promise<number> {
  const answer = await backend.get({ path: '/connections' });
  return ((await answer.json()) as { connections: number }).connections;
}

describe('a connection', () => {
  it('begins with its socket id and 120 s of activity timeout, in a string', async () => {
    using socket = await frames();
    const first = await socket.next('pusher:connection_established');
    expect(socket.frames).toHaveLength(1);
    expect(Object.keys(first).toSorted()).toEqual(['data', 'event']);
    expect(JSON.parse(first.data as string)).toEqual({
      socket_id: expect.stringMatching(/^\d+\.\d+$/),
      activity_timeout: 120,
    });
  });

  it('gets a socket id of its own on every edge, and the server library accepts it', async () => {
    using one = client({ edge: 0 });
    using other = client({ edge: 0 });
    using far = client({ edge: 1 });
    const ids = await Promise.all([one, other, far].map((each) => each.connected()));
    expect(new Set(ids)).toHaveProperty('size', 3);
    const [edge, sameEdge, otherEdge] = ids.map((id) => id.split('.')[0]);
    expect(edge).toBe(sameEdge);
    expect(edge).not.toBe(otherEdge);
    for (const id of ids) {
      expect(backend.authorizeChannel(id, 'private-a').auth).toMatch(/^[^:]+:[0-9a-f]{64}$/);
      await backend.trigger(channelName(), 'event', {}, { socket_id: id });
    }
  });

  it.each(['protocol=5', 'protocol=6&client=swift&version=1', 'protocol=7&client=js&version=8.6.0&flash=false&more=1'])(
    'is opened with ?%s',
    async (query) => {
      using socket = await frames({ query });
      expect(await socket.established()).toMatch(/^\d+\.\d+$/);
    },
  );

  it('has its pings answered, so that an idle pusher-js stays', async () => {
    using idle = client({ activityTimeout: 100, pongTimeout: 20_000 });
    await idle.connected();
    await eventually(() => expect(idle.frames('pusher:pong').length).toBeGreaterThanOrEqual(3));
    expect(idle.states).toEqual(['connecting', 'connected']);
  });

  it('has a ping answered with a pong', async () => {
    using socket = await frames();
    await socket.established();
    socket.send(PING);
    expect(await socket.next('pusher:pong')).toEqual({ event: 'pusher:pong', data: '{}' });
    socket.send({ event: 'pusher:pong', data: {} });
    socket.send(PING);
    await socket.next('pusher:pong');
    expect(socket.frames.map(({ event }) => event)).toEqual([
      'pusher:connection_established',
      'pusher:pong',
      'pusher:pong',
    ]);
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no event', '{"data":{}}'],
    ['an unknown event of the protocol', '{"event":"pusher:dance","data":{}}'],
    ['a subscription to nothing', '{"event":"pusher:subscribe","data":null}'],
    ['a channel that is no text', '{"event":"pusher:subscribe","data":{"channel":7}}'],
    ['a sign-in of no one', '{"event":"pusher:signin"}'],
  ])('gets an error for %s, and goes on', async (_what, text) => {
    using socket = await frames();
    await socket.established();
    socket.send(text);
    socket.send(PING);
    await socket.next('pusher:pong');
    const answers = socket.frames.slice(1, -1);
    expect(answers).toEqual([
      { event: 'pusher:error', data: { code: expect.anything(), message: expect.any(String) } },
    ]);
  });

  it('is counted by GET /connections', async () => {
    using one = client({ edge: 0 });
    using other = client({ edge: 1 });
    await Promise.all([one.connected(), other.connected()]);
    await eventually(async () => expect(await countConnections()).toBeGreaterThanOrEqual(2));
  });

  it('is asked for with a WebSocket handshake: a plain GET is refused', async () => {
    const answer = await fetch(`${door.edgeUrls[0]?.replace('ws:', 'http:')}/app/${door.apps.main.key}?protocol=7`);
    expect(answer.status).toBe(426);
  });
});
