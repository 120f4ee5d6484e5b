import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Freshness } from './freshness.ts';
import { turns } from '../testing/turns.ts';

/** What is known may be so old. */
const MAX_AGE_MS = 900;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function someFreshness() {
  const counts = { refreshed: 0, fresh: 0 };
  const freshness = new Freshness({
    refresh: () => (counts.refreshed += 1),
    onFresh: () => (counts.fresh += 1),
  });
  return { freshness, counts };
}

describe('freshness', () => {
  it('is not there before anything was read, and asks for it', () => {
    const { freshness, counts } = someFreshness();
    expect(freshness.isFresh()).toBe(false);
    expect(counts).toEqual({ refreshed: 1, fresh: 0 });
  });

  it('lasts so long from the beginning of the read, not from its end', () => {
    const { freshness, counts } = someFreshness();
    const since = performance.now();
    vi.advanceTimersByTime(500);
    freshness.update(since);
    vi.advanceTimersByTime(MAX_AGE_MS - 500);
    expect(freshness.isFresh()).toBe(true);
    vi.advanceTimersByTime(1);
    expect(freshness.isFresh()).toBe(false);
    expect(counts.refreshed).toBe(1);
  });

  it('comes back with a read that is not too old, and is announced once, only when it was missed', async () => {
    const { freshness, counts } = someFreshness();
    freshness.update(performance.now());
    expect(counts.fresh).toBe(0);
    vi.advanceTimersByTime(MAX_AGE_MS + 1);
    expect(freshness.isFresh()).toBe(false);
    const resolved = vi.fn<() => void>();
    const waiting = freshness.whenFresh().then(resolved);
    const old = performance.now();
    vi.advanceTimersByTime(MAX_AGE_MS + 1);
    // The read itself took too long.
    freshness.update(old);
    await turns(2);
    expect(counts.fresh).toBe(0);
    expect(resolved).not.toHaveBeenCalled();
    freshness.update(performance.now());
    await waiting;
    expect(counts.fresh).toBe(1);
    freshness.update(performance.now());
    expect(counts.fresh).toBe(1);
  });

  it('ends when changes may have been missed', async () => {
    const { freshness, counts } = someFreshness();
    freshness.update(performance.now());
    await freshness.whenFresh();
    freshness.expire();
    expect(freshness.isFresh()).toBe(false);
    expect(counts.refreshed).toBe(1);
  });
});
