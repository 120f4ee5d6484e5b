import { type Aggregator, AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ExposedHistogram, type FixedHistogram } from './fixed-histogram.ts';
import { observeProcess } from './process-metrics.ts';

const PREFIX = 'holdfast_';

export type Metrics = ReturnType<typeof createMetrics>;

/** What a scrape gets. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** Gives the text of a scrape. */
export interface MetricsSource {
  text(): Promise<MetricsText>;
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
  const stop = ofProcess ? observeProcess(registry, PREFIX) : () => undefined;

  return {
    registry,

    /** Something that only grows; name it `…_total`. */
    counter<Label extends string = never>(name: string, help: string, labels: readonly Label[] = []): Counter<Label> {
      return new Counter({ name: PREFIX + name, help, labelNames: labels, registers: [registry] });
    },

    /** Something that goes up and down. What several processes have of it is added up by default. */
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

    /** A histogram that is counted outside; times are in seconds. */
    fixedHistogram(name: string, help: string, read: () => FixedHistogram): void {
      registry.registerMetric(new ExposedHistogram({ name: PREFIX + name, help, read }));
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

/** Kinds that only grow: a process that ended has counted what it counted. */
const GROWING = new Set(['counter', 'histogram', 'summary']);

/** One text for several processes: counters and histograms are added up, gauges by the aggregator of each. */
export async function mergedText(snapshots: readonly MetricsSnapshot[]): Promise<MetricsText> {
  const registry = AggregatorRegistry.aggregate([...snapshots]);
  return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: await registry.metrics() };
}

/**
 * What stays of processes that ended: their counters. Left out, sums would fall when a process is replaced, which looks
 * like a restart of everything to whoever takes rates.
 */
export function counted(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const growing = snapshots.map((snapshot) => snapshot.filter(({ type }) => GROWING.has(String(type))));
  return AggregatorRegistry.aggregate(growing).getMetricsAsJSON();
}
