import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, app, pusherEdge } from '../testing/pusher-edge.ts';

const COUNT = 'pusher_internal:subscription_count';

afterEach(() => {
  vi.useRealTimers();
});

function setup(counting: boolean) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const redis = new MemoryRedis();
  redis.channels.apps.set(app.key, { ...app, subscriptionCount: counting });
  const edges = [
    pusherEdge(redis, '00000000000a', { maxConnections: 500 }),
    pusherEdge(redis, '00000000000b'),
  ] as const;
  return { redis, edges };
}

async function subscribed(edge: ReturnType<typeof pusherEdge>, channel: string): Promise<PusherClient> {
  await edge.beat();
  const client = edge.connect();
  await edge.settled();
  if (channel.startsWith('presence-')) client.subscribe(channel, '{"user_id":"u"}');
  else client.subscribe(channel);
  await edge.settled();
  return client;
}

async function later(edge: ReturnType<typeof pusherEdge>, ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await edge.settled();
}

function last(client: PusherClient): unknown {
  return client.of(COUNT).at(-1);
}

describe('the subscribers of a channel', () => {
  it('are counted over all edges, and shown to each of them soon', async () => {
    const { edges } = setup(true);
    const [one, other] = [await subscribed(edges[0], 'news'), await subscribed(edges[1], 'news')];
    await later(edges[0], 500);
    expect([last(one), last(other)]).toEqual([{ subscription_count: 2 }, { subscription_count: 2 }]);
    other.connection.end();
    await later(edges[0], 500);
    expect(last(one)).toEqual({ subscription_count: 1 });
  });

  it('beyond a hundred are shown at most every five seconds', async () => {
    const { edges } = setup(true);
    const first = await subscribed(edges[0], 'news');
    for (let index = 0; index < 120; index += 1) await subscribed(edges[0], 'news');
    await later(edges[0], 1000);
    expect(last(first)).toEqual({ subscription_count: 121 });
    const shown = first.of(COUNT).length;
    for (let step = 0; step < 16; step += 1) {
      await subscribed(edges[0], 'news');
      await later(edges[0], 300);
    }
    expect(first.of(COUNT).length - shown).toBeLessThanOrEqual(1);
    await later(edges[0], 6000);
    expect(last(first)).toEqual({ subscription_count: 137 });
  });

  it.each([
    [false, 'news'],
    [true, 'presence-a'],
  ])('are not counted where the app wants that: %s, on %s', async (counting, channel) => {
    const { redis, edges } = setup(counting);
    await subscribed(edges[0], channel);
    await later(edges[0], 1000);
    expect(redis.calls).not.toContain('countSubscribers');
  });

  it('are counted for webhooks alone without being shown', async () => {
    const { redis, edges } = setup(false);
    redis.channels.wanted.add('channel.subscription-count');
    const client = await subscribed(edges[0], 'news');
    await later(edges[0], 1000);
    expect(redis.calls).toContain('countSubscribers');
    expect(client.of(COUNT)).toEqual([]);
  });

  it('are counted when Redis is back', async () => {
    const { redis, edges } = setup(true);
    redis.failing.add('countSubscribers');
    const client = await subscribed(edges[0], 'news');
    await later(edges[0], 3000);
    redis.failing.clear();
    await later(edges[0], 2000);
    expect(last(client)).toEqual({ subscription_count: 1 });
  });

  it('are counted when Redis is back also where the last one has left meanwhile', async () => {
    const { redis, edges } = setup(true);
    const [one, other] = [await subscribed(edges[0], 'news'), await subscribed(edges[1], 'news')];
    await later(edges[0], 500);
    redis.failing.add('countSubscribers');
    other.connection.end();
    await later(edges[1], 3000);
    expect(last(one)).toEqual({ subscription_count: 2 });
    redis.failing.clear();
    await later(edges[1], 2000);
    expect(last(one)).toEqual({ subscription_count: 1 });
    redis.calls.length = 0;
    await later(edges[1], 5000);
    expect(redis.calls).not.toContain('countSubscribers');
  });
});
