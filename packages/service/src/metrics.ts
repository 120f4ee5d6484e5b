import { type Aggregator, Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { observeEventLoopDelay } from './event-loop-delay.ts';
import { standardOutput } from './log-output.ts';
import { observeOpenFiles } from './open-files.ts';

const PREFIX = 'holdfast_';
/**
 * Of the library's own: its figures of the event loop contain the sampling interval, so that an idle process shows
 * 10 ms; and to count what is active it lists every socket at each scrape.
 */
const UNWANTED = ['nodejs_eventloop_lag', 'nodejs_active_'];
/**
 * How often the library's timer looks at the clock for those figures of the event loop. It cannot be had without, and
 * would wake an idle process a hundred times a second: so it is set as far off as a timer can be.
 */
const NEVER_MS = 2 ** 31 - 1;

export type Metrics = ReturnType<typeof createMetrics>;

/** What a scrape gets. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** The metrics of one process at one moment; it survives JSON. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface MetricsOptions {
  readonly service: string;
  /** False: only what is counted here, and nothing of Node and the system. */
  readonly ofProcess?: boolean;
}

/**
 * The metrics of one process: what it counts itself, and the usual ones of Node and the system. Every name begins
 * with `holdfast_`, every sample carries the label `service`.
 */
export function createMetrics({ service, ofProcess = true }: MetricsOptions) {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const stop = ofProcess ? observeProcess(registry) : () => undefined;

  return {
    registry,

    /** Something that only grows; name it `…_total`. */
    counter<Label extends string = never>(name: string, help: string, labels: readonly Label[] = []): Counter<Label> {
      return new Counter({ name: PREFIX + name, help, labelNames: labels, registers: [registry] });
    },

    /** Something that goes up and down. What several processes have of it is added up, unless told otherwise. */
    gauge<Label extends string = never>(
      name: string,
      help: string,
      labels: readonly Label[] = [],
      aggregator: Aggregator = 'sum',
    ): Gauge<Label> {
      return new Gauge({ name: PREFIX + name, help, labelNames: labels, registers: [registry], aggregator });
    },

    /** How something is spread; times are in seconds. The default buckets go from 5 ms to 10 s. */
    histogram<Label extends string = never>(
      name: string,
      help: string,
      labels: readonly Label[] = [],
      buckets?: readonly number[],
    ): Histogram<Label> {
      const bounds = buckets === undefined ? {} : { buckets: [...buckets] };
      return new Histogram({ name: PREFIX + name, help, labelNames: labels, registers: [registry], ...bounds });
    },

    /** Everything in Prometheus' text form. */
    async text(): Promise<MetricsText> {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },

    /** Everything as data, to be merged with that of other processes. */
    snapshot(): Promise<MetricsSnapshot> {
      return registry.getMetricsAsJSON();
    },

    /** Ends the observation of the event loop. */
    stop,
  };
}

function observeDroppedLines(registry: Registry): void {
  const counter: Counter = new Counter({
    name: `${PREFIX}log_lines_dropped_total`,
    help: 'Log lines that could not be written: a full disk, or a reader that has gone.',
    registers: [registry],
    collect: (): void => {
      counter.reset();
      counter.inc(standardOutput.dropped);
    },
  });
}

/** The usual metrics of Node and the system; gives the stop. */
function observeProcess(registry: Registry): () => void {
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (UNWANTED.some((beginning) => name.startsWith(PREFIX + beginning))) registry.removeSingleMetric(name);
  }
  observeOpenFiles(registry, PREFIX);
  observeDroppedLines(registry);
  return observeEventLoopDelay(registry, PREFIX);
}
