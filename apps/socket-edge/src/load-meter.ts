import { availableParallelism, hostname } from 'node:os';
import type { EdgeLoad } from '@holdfast/broker/broker';
import type { Tally } from './tally.ts';

/** Over less, a single burst would be taken for the load. The lease asks once a second. */
const LEAST_MS = 500;
const MICROS_PER_MS = 1000;

/** What is needed of node:process. */
export interface MeteredProcess {
  cpuUsage(): { user: number; system: number };
  memoryUsage: { rss(): number };
  availableMemory(): number;
}

/** Gives how busy this process is, measured from one question to the next. */
export function loadMeter(self: MeteredProcess): (tally: Tally) => EdgeLoad {
  let [since, cpuSince, loopSince] = [performance.now(), cpuMs(self), performance.eventLoopUtilization()];
  let [messagesSince, deliveriesSince] = [0, 0];
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
      rssBytes: self.memoryUsage.rss(),
      availableBytes: self.availableMemory(),
      ...measured,
    };
  };
}

function cpuMs(self: MeteredProcess): number {
  const { user, system } = self.cpuUsage();
  return (user + system) / MICROS_PER_MS;
}

/** To thousandths: they are for people, and sent every second. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
