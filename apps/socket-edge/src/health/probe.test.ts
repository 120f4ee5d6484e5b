import type { LiveServer } from '@holdfast/broker/live-subscriber';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoopbackProbes } from './probe.ts';
import { newCounters, newLatencies } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

/** More than one probe's turn, with its jitter. */
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

/** An edge whose subscriber connection can be stalled; replaced, it receives again some turns of the event loop later. */
function probesOf() {
  const redis = new MemoryRedis();
  const counters = newCounters();
  const seen = { replaced: 0, errors: 0, stalled: false };
  const probe = new LoopbackProbes({
    latencies: newLatencies(),
    broker: redis.broker(),
    servers: () => [{ server: 'Redis', name: 'edge-a' }],
    counters,
    onStalled: () => {
      seen.replaced += 1;
      setImmediate(() => {
        seen.stalled = false;
      });
    },
    onError: () => (seen.errors += 1),
  });
  redis.subscriber('edge-a', {
    onOwn: (payload) => {
      if (payload.kind === 'probe' && !seen.stalled) probe.onReceived(payload.nonce);
    },
    onTopic: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: () => undefined,
    onDisconnected: () => undefined,
  });
  return { redis, probe, counters, seen };
}

describe('a probe', () => {
  it('that comes back proves that the edge is subscribed, and how fast', async () => {
    const { probe, seen } = probesOf();
    expect(probe.latencyMs).toBeNaN();
    const stop = probe.start();
    await pass(10);
    stop();
    expect(probe.latencyMs).toBeGreaterThanOrEqual(0);
    expect(probe.fault).toBeNull();
    expect(seen).toMatchObject({ replaced: 0, errors: 0 });
  });

  it('that does not come back replaces the subscriber connection once, and then arrives again', async () => {
    const { probe, counters, seen } = probesOf();
    const stop = probe.start();
    await pass(2);
    seen.stalled = true;
    await pass(3);
    expect(seen.replaced).toBe(1);
    await pass(10);
    stop();
    expect(seen.replaced).toBe(1);
    expect(counters.probesMissed).toBe(1);
    expect(probe.fault).toBeNull();
  });

  it('names since when the subscriber connection is stalled', async () => {
    const { probe, seen } = probesOf();
    const stop = probe.start();
    await pass(1);
    for (let count = 0; count < 5; count += 1) {
      seen.stalled = true;
      await pass(1);
    }
    stop();
    expect(probe.fault).toMatch(/nothing received from Redis for 1\d s/);
    expect(probe.silentMs).toBeGreaterThan(10_000);
  });

  it('that could not be sent proves nothing about the subscriber connection', async () => {
    const { redis, probe, seen } = probesOf();
    const stop = probe.start();
    await pass(1);
    redis.away = true;
    await pass(5);
    expect(seen.errors).toBeGreaterThan(3);
    redis.away = false;
    await pass(2);
    stop();
    expect(seen.replaced).toBe(0);
    expect(probe.fault).toBeNull();
  });

  it('of somebody else is not its own', async () => {
    const { probe } = probesOf();
    probe.onReceived('other');
    expect(probe.latencyMs).toBeNaN();
    const stop = probe.start();
    await pass(2);
    stop();
    expect(probe.latencyMs).not.toBeNaN();
  });
});

/** An edge that listens to servers a and b, of which some can be silent. */
function twoServers() {
  const redis = new MemoryRedis();
  const broker = redis.broker();
  const servers = new Set(['a', 'b']);
  const silent = new Set<string>();
  const replaced: string[] = [];
  const probes = new LoopbackProbes({
    latencies: newLatencies(),
    broker: {
      ...broker,
      sendProbe: async (name, nonce) => {
        if (!silent.has(name.replace('edge.', ''))) probes.onReceived(nonce);
        return 1;
      },
    },
    counters: newCounters(),
    servers: (): LiveServer[] => [...servers].map((server) => ({ server, name: `edge.${server}` })),
    onStalled: ({ server }) => replaced.push(server),
    onError: (error) => {
      throw error;
    },
  });
  return { probes, servers, silent, replaced };
}

it('an edge that receives from one server and not the other is stalled, names which, and replaces that connection only', async () => {
  const { probes, silent, replaced } = twoServers();
  const stop = probes.start();
  await pass(2);
  expect(probes.fault).toBeNull();
  silent.add('b');
  await pass(4);
  expect(probes.fault).toMatch(/^nothing received from b for \d+ s$/);
  expect(new Set(replaced)).toEqual(new Set(['b']));
  const silences = Object.fromEntries(probes.silences().map(({ server, silentMs }) => [server, silentMs]));
  expect(silences['b']).toBeGreaterThan(5000);
  expect(silences['a']).toBeLessThan(5000);
  expect(probes.silentMs).toBe(silences['b']);
  silent.delete('b');
  await pass(3);
  stop();
  expect(probes.fault).toBeNull();
});

it('a server that left is not listened for any more, and one that came is', async () => {
  const { probes, servers, silent } = twoServers();
  const stop = probes.start();
  silent.add('b');
  await pass(5);
  expect(probes.fault).not.toBeNull();
  servers.delete('b');
  servers.add('c');
  await pass(2);
  expect(probes.fault).toBeNull();
  expect(probes.silences().map(({ server }) => server)).toEqual(['a', 'c']);
  silent.add('c');
  await pass(5);
  stop();
  expect(probes.fault).toMatch(/^nothing received from c /);
});
