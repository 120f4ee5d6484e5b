import type { Post } from '@holdfast/broker/ear';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoopbackProbes } from './probe.ts';
import { newCounters } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

/** More than one canary's turn, with its jitter. */
const TURN_MS = 2300;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function pass(turnsOfIt: number): Promise<void> {
  for (let count = 0; count < turnsOfIt; count += 1) {
    await vi.advanceTimersByTimeAsync(TURN_MS);
    await turns(5);
  }
}

/** An edge whose ear can be deaf; replaced, it hears again some turns of the event loop later. */
function birds() {
  const redis = new MemoryRedis();
  const counters = newCounters();
  const seen = { replaced: 0, errors: 0, deaf: false };
  const canary = new LoopbackProbes({
    broker: redis.broker(),
    posts: () => [{ server: 'Redis', name: 'edge-a' }],
    counters,
    onStalled: () => {
      seen.replaced += 1;
      setImmediate(() => {
        seen.deaf = false;
      });
    },
    onError: () => (seen.errors += 1),
  });
  redis.ear('edge-a', {
    onOwn: (payload) => {
      if (payload.kind === 'canary' && !seen.deaf) canary.onReceived(payload.nonce);
    },
    onTopic: () => undefined,
    onDoorbell: () => undefined,
    onHearing: () => undefined,
    onDeaf: () => undefined,
  });
  return { redis, canary, counters, seen };
}

describe('a canary', () => {
  it('that comes back says that the edge hears, and how fast', async () => {
    const { canary, seen } = birds();
    expect(canary.latencyMs).toBeNaN();
    const stop = canary.start();
    await pass(10);
    stop();
    expect(canary.latencyMs).toBeGreaterThanOrEqual(0);
    expect(canary.fault).toBeNull();
    expect(seen).toMatchObject({ replaced: 0, errors: 0 });
  });

  it('that does not come back replaces the ear once, and then the edge hears again', async () => {
    const { canary, counters, seen } = birds();
    const stop = canary.start();
    await pass(2);
    seen.deaf = true;
    await pass(3);
    expect(seen.replaced).toBe(1);
    await pass(10);
    stop();
    expect(seen.replaced).toBe(1);
    expect(counters.probesMissed).toBe(1);
    expect(canary.fault).toBeNull();
  });

  it('says since when the edge is deaf', async () => {
    const { canary, seen } = birds();
    const stop = canary.start();
    await pass(1);
    for (let count = 0; count < 5; count += 1) {
      seen.deaf = true;
      await pass(1);
    }
    stop();
    expect(canary.fault).toMatch(/nothing received from Redis for 1\d s/);
    expect(canary.silentMs).toBeGreaterThan(10_000);
  });

  it('that could not be sent says nothing of the ear', async () => {
    const { redis, canary, seen } = birds();
    const stop = canary.start();
    await pass(1);
    redis.away = true;
    await pass(5);
    expect(seen.errors).toBeGreaterThan(3);
    redis.away = false;
    await pass(2);
    stop();
    expect(seen.replaced).toBe(0);
    expect(canary.fault).toBeNull();
  });

  it('of somebody else is not its own', async () => {
    const { canary } = birds();
    canary.onReceived('other');
    expect(canary.latencyMs).toBeNaN();
    const stop = canary.start();
    await pass(2);
    stop();
    expect(canary.latencyMs).not.toBeNaN();
  });
});

/** An edge that listens to servers a and b, of which some can be silent. */
function twoServers() {
  const redis = new MemoryRedis();
  const broker = redis.broker();
  const servers = new Set(['a', 'b']);
  const silent = new Set<string>();
  const replaced: string[] = [];
  const canaries = new LoopbackProbes({
    broker: {
      ...broker,
      sendCanary: async (name, nonce) => {
        if (!silent.has(name.replace('edge.', ''))) canaries.onReceived(nonce);
        return 1;
      },
    },
    counters: newCounters(),
    posts: (): Post[] => [...servers].map((server) => ({ server, name: `edge.${server}` })),
    onStalled: ({ server }) => replaced.push(server),
    onError: (error) => {
      throw error;
    },
  });
  return { canaries, servers, silent, replaced };
}

it('an edge that hears one server and not the other is deaf, says to which, and replaces that connection only', async () => {
  const { canaries, silent, replaced } = twoServers();
  const stop = canaries.start();
  await pass(2);
  expect(canaries.fault).toBeNull();
  silent.add('b');
  await pass(4);
  expect(canaries.fault).toMatch(/^nothing received from b for \d+ s$/);
  expect(new Set(replaced)).toEqual(new Set(['b']));
  const silences = Object.fromEntries(canaries.silences().map(({ server, silentMs }) => [server, silentMs]));
  expect(silences['b']).toBeGreaterThan(5000);
  expect(silences['a']).toBeLessThan(5000);
  expect(canaries.silentMs).toBe(silences['b']);
  silent.delete('b');
  await pass(3);
  stop();
  expect(canaries.fault).toBeNull();
});

it('a server that left is not listened for any more, and one that came is', async () => {
  const { canaries, servers, silent } = twoServers();
  const stop = canaries.start();
  silent.add('b');
  await pass(5);
  expect(canaries.fault).not.toBeNull();
  servers.delete('b');
  servers.add('c');
  await pass(2);
  expect(canaries.fault).toBeNull();
  expect(canaries.silences().map(({ server }) => server)).toEqual(['a', 'c']);
  silent.add('c');
  await pass(5);
  stop();
  expect(canaries.fault).toMatch(/^nothing received from c /);
});
