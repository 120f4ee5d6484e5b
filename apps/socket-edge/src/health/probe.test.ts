import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Canaries } from './probes.ts';
import { newTally } from '../counters.ts';
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
  const tally = newTally();
  const seen = { replaced: 0, errors: 0, deaf: false };
  const canary = new Canaries({
    broker: redis.broker(),
    posts: () => [{ server: 'Redis', name: 'edge-a' }],
    tally,
    onDeaf: () => {
      seen.replaced += 1;
      setImmediate(() => {
        seen.deaf = false;
      });
    },
    onError: () => (seen.errors += 1),
  });
  redis.ear('edge-a', {
    onOwn: (payload) => {
      if (payload.kind === 'canary' && !seen.deaf) canary.onHeard(payload.nonce);
    },
    onTopic: () => undefined,
    onDoorbell: () => undefined,
    onHearing: () => undefined,
    onDeaf: () => undefined,
  });
  return { redis, canary, tally, seen };
}

describe('a canary', () => {
  it('that comes back says that the edge hears, and how fast', async () => {
    const { canary, seen } = birds();
    expect(canary.latencyMs).toBeNaN();
    const stop = canary.start();
    await pass(10);
    stop();
    expect(canary.latencyMs).toBeGreaterThanOrEqual(0);
    expect(canary.deaf).toBeNull();
    expect(seen).toMatchObject({ replaced: 0, errors: 0 });
  });

  it('that does not come back replaces the ear once, and then the edge hears again', async () => {
    const { canary, tally, seen } = birds();
    const stop = canary.start();
    await pass(2);
    seen.deaf = true;
    await pass(3);
    expect(seen.replaced).toBe(1);
    await pass(10);
    stop();
    expect(seen.replaced).toBe(1);
    expect(tally.canariesMissed).toBe(1);
    expect(canary.deaf).toBeNull();
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
    expect(canary.deaf).toMatch(/nothing heard from Redis for 1\d s/);
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
    expect(canary.deaf).toBeNull();
  });

  it('of somebody else is not its own', async () => {
    const { canary } = birds();
    canary.onHeard('other');
    expect(canary.latencyMs).toBeNaN();
    const stop = canary.start();
    await pass(2);
    stop();
    expect(canary.latencyMs).not.toBeNaN();
  });
});
