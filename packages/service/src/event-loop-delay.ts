import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** How often Node looks at the clock: often enough for the stalls that matter, seldom enough that an idle process sleeps. */
const RESOLUTION_MS = 20;
const NS_PER_SECOND = 1e9;
const RESOLUTION_S = RESOLUTION_MS / 1000;

/**
 * Gauges of how much later than asked the event loop came back, since they were last read.
 * @returns the stop of the observation
 */
export function observeEventLoopDelay(registry: Registry, prefix: string): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();

  const seconds = new Gauge({
    name: `${prefix}event_loop_delay_seconds`,
    help: 'How late the event loop came back to its timers since the last scrape, by quantile; 1 is the longest.',
    labelNames: ['quantile'],
    registers: [registry],
    // Of several processes the slowest is the one to know of.
    aggregator: 'max',
    collect() {
      seconds.set({ quantile: '0.5' }, late(delay.percentile(50)));
      seconds.set({ quantile: '0.99' }, late(delay.percentile(99)));
      seconds.set({ quantile: '1' }, late(delay.max));
      delay.reset();
    },
  });
  return () => {
    delay.disable();
  };
}

/** Node's figure is the time from one look to the next, so an idle process shows the interval itself. */
function late(ns: number): number {
  return Math.max(0, ns / NS_PER_SECOND - RESOLUTION_S);
}
