import type { DrainRequest, EdgeFacts } from '@holdfast/broker/edge-state';
import { systemFacts } from '@holdfast/service/system-facts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lease } from './lease.ts';
import { newCounters } from '../counters.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

/** More than a beat, with its jitter. */
const BEAT_MS = 1100;

const FACTS: EdgeFacts = {
  version: '1.0.0',
  pid: 7,
  worker: false,
  heartbeatMs: 25_000,
  origins: 'not-set',
  trustedProxies: false,
  system: systemFacts(() => ''),
};

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
  const requests: DrainRequest[] = [];
  let facts = { ...FACTS };
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
    facts: () => facts,
    request: () => requests.at(-1) ?? { drain: false, at: 0 },
    onRequest: (request) => {
      if (request.at <= (requests.at(-1)?.at ?? 0)) return false;
      requests.push(request);
      return true;
    },
    onExpired: () => (seen.lapsed += 1),
    onBeat: async () => {
      seen.beats += 1;
    },
    onError: () => (seen.errors += 1),
  });
  return {
    lease,
    seen,
    counters,
    requests,
    change: (changed: Partial<EdgeFacts>) => {
      facts = { ...facts, ...changed };
    },
  };
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

describe('facts', () => {
  it('are written when the lease begins, when they change, and to a Redis that had forgotten the lease', async () => {
    const redis = new MemoryRedis();
    const { lease, change } = leaseOn(redis);
    const stop = lease.start();
    await pass(5);
    expect(redis.factsWritten).toHaveLength(1);
    change({ pid: 8 });
    await pass(3);
    expect(redis.factsWritten.map(({ pid }) => pid)).toEqual([7, 8]);
    redis.leases.clear();
    await pass(3);
    stop();
    expect(redis.factsWritten.map(({ pid }) => pid)).toEqual([7, 8, 8]);
  });

  it('are written again when the answer to the renewal was lost, and once a minute in any case', async () => {
    const redis = new MemoryRedis();
    const { lease } = leaseOn(redis);
    const stop = lease.start();
    redis.answersLost.add('renewLease');
    await pass(1);
    redis.answersLost.clear();
    await pass(1);
    expect(redis.factsWritten).toHaveLength(2);
    await pass(60);
    stop();
    expect(redis.factsWritten).toHaveLength(3);
  });
});

describe('a drain request', () => {
  it('is followed with the next renewal, and what it changes is written at once', async () => {
    const redis = new MemoryRedis();
    const { lease, requests, seen } = leaseOn(redis);
    const stop = lease.start();
    await pass(1);
    redis.drainRequests.set('edge-a', { drain: true, at: 5 });
    const renewals = redis.calls.filter((name) => name === 'renewLease').length;
    await pass(1);
    stop();
    expect(requests).toEqual([{ drain: true, at: 5 }]);
    expect(redis.calls.filter((name) => name === 'renewLease')).toHaveLength(renewals + 2);
    expect(seen.beats).toBe(2);
  });

  it('is given back to a Redis that has forgotten it', async () => {
    const redis = new MemoryRedis();
    const { lease, requests } = leaseOn(redis);
    const stop = lease.start();
    redis.drainRequests.set('edge-a', { drain: true, at: 5 });
    await pass(1);
    redis.leases.clear();
    redis.drainRequests.clear();
    await pass(2);
    stop();
    expect(redis.drainRequests.get('edge-a')).toEqual({ drain: true, at: 5 });
    expect(requests).toHaveLength(1);
  });
});

describe('the difference of clocks', () => {
  it('is known with the first renewal', async () => {
    const { lease } = leaseOn(new MemoryRedis());
    expect(lease.clockDifferenceMs).toBeUndefined();
    await lease.beat();
    expect(Math.abs(lease.clockDifferenceMs ?? Number.NaN)).toBeLessThan(1000);
  });
});
