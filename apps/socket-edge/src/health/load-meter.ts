import { availableParallelism, hostname } from 'node:os';
import type { EdgeLoad } from '@holdfast/broker/broker';
import type { Counters } from '../counters.ts';

/** Over less, a single burst would be taken for the load. The lease asks once a second. */
const LEAST_MS = 500;
const MICROS_PER_MS = 1000;

/** What is needed of node:process. */
export interface MeteredProcess {
  cpuUsage(): { user: number; system: number };
  memoryUsage: { rss(): number };
  availableMemory(): number;
}

/** Returns how busy this process is, measured from one question to the next. */
export function loadMeter(self: MeteredProcess): (counters: Counters) => EdgeLoad {
  let [since, cpuSince, loopSince] = [performance.now(), cpuMs(self), performance.eventLoopUtilization()];
  let [messagesSince, deliveriesSince] = [0, 0];
  const rssBytes = lastKnown(() => self.memoryUsage.rss());
  const availableBytes = lastKnown(() => self.availableMemory());
  let measured = { cpu: 0, eventLoopUtilization: 0, messagesPerSecond: 0, deliveriesPerSecond: 0 };

  return ({ messagesReceived, deliveries }) => {
    const [now, cpu, loop] = [performance.now(), cpuMs(self), performance.eventLoopUtilization()];
    const ms = now - since;
    if (ms >= LEAST_MS) {
      measured = {
        cpu: rounded((cpu - cpuSince) / ms),
        eventLoopUtilization: rounded(performance.eventLoopUtilization(loop, loopSince).utilization),
        messagesPerSecond: rounded(((messagesReceived - messagesSince) / ms) * 1000),
        deliveriesPerSecond: rounded(((deliveries - deliveriesSince) / ms) * 1000),
      };
      [since, cpuSince, loopSince] = [now, cpu, loop];
      [messagesSince, deliveriesSince] = [messagesReceived, deliveries];
    }
    return {
      host: hostname(),
      cores: availableParallelism(),
      rssBytes: rssBytes(),
      availableBytes: availableBytes(),
      ...measured,
    };
  };
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
