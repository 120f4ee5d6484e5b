import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lease } from './lease.ts';
import { newCounters } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

/** More than a beat, with its jitter. */
const BEAT_MS = 1100;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function pass(beats: number): Promise<void> {
  for (let count = 0; count < beats; count += 1) {
    await vi.advanceTimersByTimeAsync(BEAT_MS);
    await turns(5);
  }
}

function leaseOn(redis: MemoryRedis) {
  const seen = { lapsed: 0, beats: 0, errors: 0 };
  const counters = newCounters();
  const lease = new Lease({
    broker: redis.broker(),
    counters,
    details: () => ({
      id: 'edge-a',
      url: 'ws://edge',
      connections: 0,
      maxConnections: 1,
      draining: false,
      startedAt: 0,
    }),
    onExpired: () => (seen.lapsed += 1),
    onBeat: async () => {
      seen.beats += 1;
    },
    onError: () => (seen.errors += 1),
  });
  return { lease, seen, counters };
}

describe('a lease', () => {
  it('is renewed about once a second, and gives the beat', async () => {
    const redis = new MemoryRedis();
    const { lease, seen } = leaseOn(redis);
    const stop = lease.start();
    await lease.beat();
    expect(redis.leases).toEqual(new Set(['edge-a']));
    expect(seen).toEqual({ lapsed: 0, beats: 1, errors: 0 });
    await pass(5);
    expect(seen.beats).toBe(6);
    stop();
    await pass(5);
    expect(seen).toEqual({ lapsed: 0, beats: 6, errors: 0 });
  });

  it('that had run out is said once', async () => {
    const redis = new MemoryRedis();
    const { lease, seen, counters } = leaseOn(redis);
    const stop = lease.start();
    await pass(2);
    redis.leases.clear();
    await pass(3);
    stop();
    expect(seen.lapsed).toBe(1);
    expect(counters.leasesExpired).toBe(1);
  });

  it('goes on when Redis was away, and counts what it missed', async () => {
    const redis = new MemoryRedis();
    const { lease, seen, counters } = leaseOn(redis);
    const stop = lease.start();
    await pass(1);
    redis.away = true;
    await pass(3);
    expect(counters.leaseRenewalsMissed).toBe(3);
    const { beats } = seen;
    redis.away = false;
    await pass(1);
    stop();
    expect(seen).toEqual({ lapsed: 0, beats: beats + 1, errors: 3 });
  });

  it('that was given up is not taken up again by a beat that comes after', async () => {
    const redis = new MemoryRedis();
    const { lease } = leaseOn(redis);
    const stop = lease.start();
    await pass(1);
    await lease.end();
    await pass(3);
    stop();
    expect(redis.leases.size).toBe(0);
  });
});
