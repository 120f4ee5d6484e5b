import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

const NS_PER_SECOND = 1e9;

/**
 * Gauges of how long the turns of the event loop took, the time that others had to wait, since they were last read. Each
 * turn is measured: a timer that looks at the clock would miss a part of a stall, and wake an idle process all the time.
 * @returns the stop of the observation
 */
export function observeEventLoopDelay(registry: Registry, prefix: string): () => void {
  const delay = monitorEventLoopDelay({ samplePerIteration: true });
  delay.enable();
  // The first turn would be measured with the wait before it.
  setImmediate(() => setImmediate(() => delay.reset()));

  const seconds = new Gauge({
    name: `${prefix}event_loop_delay_seconds`,
    help: 'How long turns of the event loop took since the last scrape, by quantile; 1 is the longest.',
    labelNames: ['quantile'],
    registers: [registry],
    // Of several processes the slowest is the one to know of.
    aggregator: 'max',
    collect() {
      seconds.set({ quantile: '0.5' }, delay.percentile(50) / NS_PER_SECOND);
      seconds.set({ quantile: '0.99' }, delay.percentile(99) / NS_PER_SECOND);
      seconds.set({ quantile: '1' }, delay.max / NS_PER_SECOND);
      delay.reset();
    },
  });
  return () => {
    delay.disable();
  };
}
