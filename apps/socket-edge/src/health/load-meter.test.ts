import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadMeter } from './load-meter.ts';
import { type Counters, newCounters } from '../counters.ts';

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

/** An edge that has counted so much. */
function edgeThat(counted: Partial<Counters> = {}, refused: Record<string, number> = {}) {
  return {
    counters: { ...newCounters(), ...counted },
    refusals: new Map(Object.entries(refused)),
    probes: { silentMs: 1500.4, latencyMs: Number.NaN },
    clockDifferenceMs: undefined as number | undefined,
  };
}

it('returns shares and rates since the call before', () => {
  const self = processThatUses();
  const load = loadMeter(self);
  now += 1000;
  load(edgeThat({ messagesReceived: 10, deliveries: 100 }, { 'unknown-client': 4 }));

  Object.assign(self.used, { user: 500_000, system: 250_000 });
  const later = edgeThat(
    { messagesReceived: 30, deliveries: 1100, deliveredBytes: 5000, handshakesAccepted: 6, lostAnnounced: 2 },
    { 'unknown-client': 5, 'edge-full': 1 },
  );
  now += 2000;
  expect(load(later)).toMatchObject({
    cpu: 0.375,
    messagesPerSecond: 10,
    deliveriesPerSecond: 500,
    bytesPerSecond: 2500,
    handshakesPerSecond: 3,
    refusalsPerSecond: 1,
    refusals: 6,
    lostAnnounced: 2,
  });
  now += 2000;
  expect(load(later)).toMatchObject({ cpu: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, refusalsPerSecond: 0 });
});

it('called again at once it returns the same, and memory as it is', () => {
  const self = processThatUses();
  const load = loadMeter(self);
  self.used.user = 500_000;
  now += 1000;
  expect(load(edgeThat()).cpu).toBe(0.5);
  now += 100;
  expect(load(edgeThat())).toMatchObject({ cpu: 0.5, rssBytes: 7, availableBytes: 9 });
});

it('returns its last values when the process is out of descriptors, for the lease goes out with it', () => {
  const self = processThatUses();
  const rss = vi.fn<() => number>(() => 7);
  const load = loadMeter({ ...self, memoryUsage: { rss } });
  expect(load(edgeThat()).rssBytes).toBe(7);
  rss.mockImplementation(() => {
    throw Object.assign(new Error('EMFILE: too many open files, uv_resident_set_memory'), { code: 'EMFILE' });
  });
  expect(load(edgeThat()).rssBytes).toBe(7);
});

it('returns how long turns of the event loop took, measured anew each time', () => {
  const loop = { percentile: vi.fn<() => number>(() => 20_500_000), reset: vi.fn<() => void>() };
  const load = loadMeter(processThatUses(), loop);
  now += 1000;
  expect(load(edgeThat()).eventLoopDelayMs).toBe(20.5);
  expect(loop.percentile).toHaveBeenCalledWith(99);
  expect(loop.reset).toHaveBeenCalledOnce();
});

it('leaves out what is not known yet', () => {
  const load = loadMeter(processThatUses());
  const unknown = load(edgeThat());
  expect(unknown.probeSilenceMs).toBe(1500);
  expect(unknown).not.toHaveProperty('probeLatencyMs');
  expect(unknown).not.toHaveProperty('clockDifferenceMs');
  const known = { ...edgeThat(), probes: { silentMs: 1, latencyMs: 2.3456 }, clockDifferenceMs: -12 };
  expect(load(known)).toMatchObject({ probeLatencyMs: 2.346, clockDifferenceMs: -12 });
});

/** Linux before 6.2 does not count them, and other systems have no such folder. */
const countsFiles = (statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0) > 0;

it.runIf(countsFiles)('counts open files', () => {
  const { openFiles } = loadMeter(process)(edgeThat());
  expect(openFiles).toBeGreaterThan(0);
});

it('measures a real process', () => {
  const { host, cores, rssBytes, availableBytes } = loadMeter(process)(edgeThat());
  expect(host).not.toBe('');
  expect(cores).toBeGreaterThan(0);
  expect(rssBytes).toBeGreaterThan(1_000_000);
  expect(availableBytes).toBeGreaterThan(0);
});
