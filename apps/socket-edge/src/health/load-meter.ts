import { statSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EdgeLoad } from '@holdfast/broker/edge-state';
import type { Counters } from '../counters.ts';

/** Over less, a single burst would be taken for the load. The lease asks once a second. */
const LEAST_MS = 500;
const MICROS_PER_MS = 1000;
const NS_PER_MS = 1e6;
const OPEN_FILES = '/proc/self/fd';

/** What is needed of node:process. */
export interface MeteredProcess {
  cpuUsage(): { user: number; system: number };
  memoryUsage: { rss(): number };
  availableMemory(): number;
}

/** How long turns of the event loop took, as node:perf_hooks measures it. */
export interface MeteredLoop {
  percentile(percentile: number): number;
  reset(): void;
}

/** What the edge has counted and measured by now. */
export interface LoadSource {
  readonly counters: Counters;
  /** Handshakes refused, by the code of the answer. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly probes: { readonly silentMs: number; readonly latencyMs: number };
  /** Undefined: not known yet. */
  readonly clockDifferenceMs: number | undefined;
}

/** Returns how busy this process is, measured from one question to the next. */
export function loadMeter(self: MeteredProcess, loop: MeteredLoop = eventLoopDelay()): (edge: LoadSource) => EdgeLoad {
  let [since, cpuSince, loopSince] = [performance.now(), cpuMs(self), performance.eventLoopUtilization()];
  let totalsSince: Totals = { messages: 0, deliveries: 0, bytes: 0, handshakes: 0, refusals: 0 };
  const rssBytes = lastKnown(() => self.memoryUsage.rss());
  const availableBytes = lastKnown(() => self.availableMemory());
  const openFiles = lastKnown(() => statSync(OPEN_FILES).size);
  let measured = {
    cpu: 0,
    eventLoopUtilization: 0,
    eventLoopDelayMs: 0,
    ...rates(totalsSince, totalsSince, 1),
  };

  return (edge) => {
    const [now, cpu, turns] = [performance.now(), cpuMs(self), performance.eventLoopUtilization()];
    const ms = now - since;
    const totals = totalsOf(edge);
    if (ms >= LEAST_MS) {
      measured = {
        cpu: rounded((cpu - cpuSince) / ms),
        eventLoopUtilization: rounded(performance.eventLoopUtilization(turns, loopSince).utilization),
        eventLoopDelayMs: rounded(loop.percentile(99) / NS_PER_MS),
        ...rates(totals, totalsSince, ms),
      };
      loop.reset();
      [since, cpuSince, loopSince, totalsSince] = [now, cpu, turns, totals];
    }
    const { silentMs, latencyMs } = edge.probes;
    // Before Linux 6.2 the size of the folder is 0, and listing it would take long with many connections.
    const files = openFiles();
    return {
      host: hostname(),
      cores: availableParallelism(),
      rssBytes: rssBytes(),
      availableBytes: availableBytes(),
      ...measured,
      refusals: totals.refusals,
      lostAnnounced: edge.counters.lostAnnounced,
      probeSilenceMs: Math.round(silentMs),
      ...(Number.isFinite(latencyMs) ? { probeLatencyMs: rounded(latencyMs) } : {}),
      ...(files > 0 ? { openFiles: files } : {}),
      ...(edge.clockDifferenceMs === undefined ? {} : { clockDifferenceMs: edge.clockDifferenceMs }),
    };
  };
}

interface Totals {
  messages: number;
  deliveries: number;
  bytes: number;
  handshakes: number;
  refusals: number;
}

function totalsOf({ counters, refusals }: LoadSource): Totals {
  return {
    messages: counters.messagesReceived,
    deliveries: counters.deliveries,
    bytes: counters.deliveredBytes,
    handshakes: counters.handshakesAccepted,
    refusals: [...refusals.values()].reduce((sum, count) => sum + count, 0),
  };
}

function rates(now: Totals, before: Totals, ms: number) {
  const rate = (name: keyof Totals): number => rounded(((now[name] - before[name]) / ms) * 1000);
  return {
    messagesPerSecond: rate('messages'),
    deliveriesPerSecond: rate('deliveries'),
    bytesPerSecond: rate('bytes'),
    handshakesPerSecond: rate('handshakes'),
    refusalsPerSecond: rate('refusals'),
  };
}

/** Each turn is measured: a timer that looks at the clock would miss a part of a stall, and wake an idle process. */
function eventLoopDelay(): MeteredLoop {
  const delay = monitorEventLoopDelay({ samplePerIteration: true });
  delay.enable();
  return delay;
}

/**
 * Node reads these figures from files, and throws when it is out of descriptors. They go out with the lease, which must
 * not depend on one: what was known last has to do.
 */
function lastKnown(read: () => number): () => number {
  let known = 0;
  return () => {
    try {
      known = read();
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
    return known;
  };
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}

function cpuMs(self: MeteredProcess): number {
  const { user, system } = self.cpuUsage();
  return (user + system) / MICROS_PER_MS;
}

/** To thousandths: they are for people, and sent every second. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
