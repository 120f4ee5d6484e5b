import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadMeter } from './load-meter.ts';
import { newCounters } from '../counters.ts';

let now = 0;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A process that has used so much CPU time, in microseconds. */
function processThatUses() {
  const used = { user: 0, system: 0 };
  return { used, cpuUsage: () => ({ ...used }), memoryUsage: { rss: () => 7 }, availableMemory: () => 9 };
}

it('returns shares and rates since the call before', () => {
  const self = processThatUses();
  const counters = { ...newCounters(), messagesReceived: 10, deliveries: 100 };
  const load = loadMeter(self);
  now += 1000;
  load(counters);

  Object.assign(self.used, { user: 500_000, system: 250_000 });
  Object.assign(counters, { messagesReceived: 30, deliveries: 1100 });
  now += 2000;
  expect(load(counters)).toMatchObject({ cpu: 0.375, messagesPerSecond: 10, deliveriesPerSecond: 500 });
  now += 2000;
  expect(load(counters)).toMatchObject({ cpu: 0, messagesPerSecond: 0, deliveriesPerSecond: 0 });
});

it('called again at once it returns the same, and memory as it is', () => {
  const self = processThatUses();
  const load = loadMeter(self);
  self.used.user = 500_000;
  now += 1000;
  expect(load(newCounters()).cpu).toBe(0.5);
  now += 100;
  expect(load(newCounters())).toMatchObject({ cpu: 0.5, rssBytes: 7, availableBytes: 9 });
});

it('returns its last values when the process is out of descriptors, for the lease goes out with it', () => {
  const self = processThatUses();
  const rss = vi.fn<() => number>(() => 7);
  const load = loadMeter({ ...self, memoryUsage: { rss } });
  expect(load(newCounters()).rssBytes).toBe(7);
  rss.mockImplementation(() => {
    throw Object.assign(new Error('EMFILE: too many open files, uv_resident_set_memory'), { code: 'EMFILE' });
  });
  expect(load(newCounters()).rssBytes).toBe(7);
});

it('measures a real process', () => {
  const { host, cores, rssBytes, availableBytes } = loadMeter(process)(newCounters());
  expect(host).not.toBe('');
  expect(cores).toBeGreaterThan(0);
  expect(rssBytes).toBeGreaterThan(1_000_000);
  expect(availableBytes).toBeGreaterThan(0);
});
