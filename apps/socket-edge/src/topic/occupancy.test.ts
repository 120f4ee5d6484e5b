import type { EdgeOccupancy } from '@holdfast/broker/broker';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { turns } from '../testing/turns.ts';
import { Occupancy } from './occupancy.ts';

const ROUND_MS = 10_000;
const BEAT_MS = 1000;

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

/** What Redis has of this edge. */
class Stored implements EdgeOccupancy {
  readonly topics = new Set<string>();
  readonly calls: [occupied: string[], left: string[]][] = [];
  wanted: (topic: string) => boolean = () => true;
  isAway = false;
  /** These cannot be written. */
  readonly refused = new Set<string>();

  isOccupancyWanted(topic = ''): boolean {
    return this.wanted(topic);
  }

  changeOccupancy(_edge: string, occupied: readonly string[], left: readonly string[]): Promise<Set<string>> {
    this.calls.push([[...occupied], [...left]]);
    if (this.isAway) return Promise.reject(new Error('away'));
    const written = [...occupied, ...left].filter((topic) => !this.refused.has(topic));
    for (const topic of occupied) if (written.includes(topic)) this.topics.add(topic);
    for (const topic of left) if (written.includes(topic)) this.topics.delete(topic);
    return Promise.resolve(new Set(written));
  }

  checkOccupancy(_edge: string, topics: readonly string[]): Promise<string[]> {
    return Promise.resolve(topics.filter((topic) => !this.topics.has(topic)));
  }
}

function occupancyOf(stored: Stored) {
  const here = new Set<string>();
  const occupancy = new Occupancy({
    edge: 'e1',
    broker: stored,
    isOccupied: (topic) => here.has(topic),
    topics: () => here,
    onError: () => undefined,
  });
  return {
    occupancy,
    here,
    join: async (topic: string) => {
      here.add(topic);
      occupancy.onChange(topic);
      await turns(5);
    },
    leave: async (topic: string) => {
      here.delete(topic);
      occupancy.onChange(topic);
      await turns(5);
    },
    beat: async () => {
      vi.advanceTimersByTime(BEAT_MS);
      await occupancy.tend().catch(() => undefined);
    },
  };
}

it('writes when the first connection comes and the last one leaves, and nothing in between', async () => {
  const stored = new Stored();
  const { join, leave } = occupancyOf(stored);
  await join('news');
  await join('news');
  await leave('news');
  expect(stored.calls).toEqual([
    [['news'], []],
    [[], ['news']],
  ]);
});

it('writes what changes in one turn of the event loop at once, and what is as before not at all', async () => {
  const stored = new Stored();
  const { occupancy, here } = occupancyOf(stored);
  for (const topic of ['a', 'b', 'c']) {
    here.add(topic);
    occupancy.onChange(topic);
  }
  here.delete('c');
  occupancy.onChange('c');
  await turns(5);
  expect(stored.calls).toEqual([[['a', 'b'], []]]);
});

it('writes again what was not written, and what may not have been', async () => {
  const stored = new Stored();
  const { join, leave, beat } = occupancyOf(stored);
  stored.isAway = true;
  await join('a');
  await join('b');
  await leave('b');
  stored.isAway = false;
  stored.refused.add('a');
  await beat();
  expect([...stored.topics]).toEqual([]);
  stored.refused.clear();
  await beat();
  expect([...stored.topics]).toEqual(['a']);
  stored.isAway = true;
  await leave('a');
  await join('a');
  stored.isAway = false;
  stored.topics.clear();
  await beat();
  expect([...stored.topics]).toEqual(['a']);
});

it('writes only what is wanted, and follows when that changes', async () => {
  const stored = new Stored();
  stored.wanted = (topic) => topic === '' || topic === 'a';
  const { occupancy, join } = occupancyOf(stored);
  await join('a');
  await join('b');
  expect([...stored.topics]).toEqual(['a']);
  stored.wanted = (topic) => topic === '' || topic === 'b';
  occupancy.onWanted();
  await turns(5);
  expect([...stored.topics]).toEqual(['b']);
  stored.wanted = () => false;
  occupancy.onWanted();
  await turns(5);
  expect([...stored.topics]).toEqual([]);
  const { length } = stored.calls;
  await join('c');
  expect(stored.calls).toHaveLength(length);
});

it('finds within a round what Redis has lost, and at once when all are compared', async () => {
  const stored = new Stored();
  const { occupancy, join, beat } = occupancyOf(stored);
  for (const topic of ['a', 'b', 'c']) await join(topic);
  stored.topics.delete('b');
  for (let ms = 0; ms < ROUND_MS; ms += BEAT_MS) await beat();
  expect(stored.topics.has('b')).toBe(true);
  stored.topics.clear();
  await occupancy.checkAll();
  expect(stored.topics.size).toBe(3);
});
