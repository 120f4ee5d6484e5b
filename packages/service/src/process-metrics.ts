import { readdirSync, statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry, collectDefaultMetrics } from 'prom-client';
import { ExposedHistogram, FixedHistogram } from './fixed-histogram.ts';
import { standardOutput } from './log-output.ts';

/**
 * Of the library's own: its figures of the event loop contain the sampling interval, so that an idle process shows
 * 10 ms; and to count what is active it lists every socket at each scrape.
 */
const EXCLUDED = ['nodejs_eventloop_lag', 'nodejs_active_'];
/**
 * How often the library's timer looks at the clock for those figures of the event loop. It cannot be had without, and
 * would wake an idle process a hundred times a second: so it is set as far off as a timer can be.
 */
const NEVER_MS = 2 ** 31 - 1;

/** The usual metrics of Node and the system; gives the stop. */
export function observeProcess(registry: Registry, prefix: string): () => void {
  collectDefaultMetrics({ register: registry, prefix, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (EXCLUDED.some((beginning) => name.startsWith(prefix + beginning))) registry.removeSingleMetric(name);
  }
  observeOpenFiles(registry, prefix);
  observeDroppedLines(registry, prefix);
  return observeEventLoopDelay(registry, prefix);
}

const NS_PER_SECOND = 1e9;

/**
 * How long the turns of the event loop took, the time that others had to wait: as gauges since they were last read, and as
 * a histogram, which adds up over processes. Each turn is measured: a timer that looks at the clock would miss a part of a
 * stall, and wake an idle process all the time.
 * @returns the stop of the observation
 */
function observeEventLoopDelay(registry: Registry, prefix: string): () => void {
  const delay = monitorEventLoopDelay({ samplePerIteration: true });
  delay.enable();
  // The first turn would be measured with the wait before it.
  setImmediate(() => setImmediate(() => delay.reset()));

  const turns = new FixedHistogram();
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
      addTurns(turns, delay);
      delay.reset();
    },
  });
  // Collected with the gauges, which come before it: both read the same turns.
  registry.registerMetric(
    new ExposedHistogram({
      name: `${prefix}event_loop_turn_seconds`,
      help: 'How long turns of the event loop took.',
      read: () => turns,
    }),
  );
  return () => {
    delay.disable();
  };
}

/** Halvings by which the share of turns within a bound is found: to one in a thousand of those near it. */
const STEPS = 10;

/**
 * Adds what Node measured, which tells percentiles only: the share of turns within each bound is looked for between the two
 * percentiles that lie around it.
 */
export function addTurns(turns: FixedHistogram, measured: MeasuredTurns): void {
  const { count } = measured;
  if (count === 0) return;
  let before = 0;
  for (const [bucket, bound] of FixedHistogram.bounds.entries()) {
    const within = Math.max(before, Math.round((count * percentWithin(measured, bound * NS_PER_SECOND)) / 100));
    turns.add(bucket, within - before);
    before = within;
  }
  turns.add(FixedHistogram.bounds.length, count - before);
  turns.sum += (measured.mean * count) / NS_PER_SECOND;
}

/** What is read of a histogram of Node. */
interface MeasuredTurns {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly percentiles: Map<number, number>;
  percentile(percent: number): number;
}

function percentWithin(measured: MeasuredTurns, ns: number): number {
  if (measured.max <= ns) return 100;
  if (measured.min > ns) return 0;
  let [low, high] = [0, 100];
  for (const [percent, value] of measured.percentiles) {
    if (value <= ns) low = Math.max(low, percent);
    else high = Math.min(high, percent);
  }
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (measured.percentile(middle) <= ns) low = middle;
    else high = middle;
  }
  return low;
}

const OPEN_FILES = '/proc/self/fd';

/**
 * A gauge of open file descriptors, in the place of the library's own, which lists them: at 15,000 connections that
 * held the event loop up for 57 ms at each scrape. Linux 6.2 and newer give the number without a list; an older one is
 * asked as the library does, and a system without /proc gets no gauge.
 */
function observeOpenFiles(registry: Registry, prefix: string): void {
  const name = `${prefix}process_open_fds`;
  if (registry.getSingleMetric(name) === undefined) return;
  registry.removeSingleMetric(name);
  const gauge: Gauge = new Gauge({
    name,
    help: 'Number of open file descriptors',
    registers: [registry],
    collect: (): void => gauge.set(statSync(OPEN_FILES).size || readdirSync(OPEN_FILES).length),
  });
}

function observeDroppedLines(registry: Registry, prefix: string): void {
  const counter: Counter = new Counter({
    name: `${prefix}log_lines_dropped_total`,
    help: 'Log lines that could not be written: a full disk, or a reader that has gone.',
    registers: [registry],
    collect: (): void => {
      counter.reset();
      counter.inc(standardOutput.dropped);
    },
  });
}
