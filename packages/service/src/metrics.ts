import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { observeEventLoopDelay } from './event-loop-delay.ts';

const PREFIX = 'holdfast_';

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The metrics of one process: what it counts itself, and the usual ones of Node and the system. Every name begins
 * with `holdfast_`, every sample carries the label `service`.
 */
export function createMetrics({ service }: { readonly service: string }) {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  // The library's own figures of the event loop contain the sampling interval: an idle process shows 10 ms.
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith(`${PREFIX}nodejs_eventloop_lag`)) registry.removeSingleMetric(name);
  }
  const stop = observeEventLoopDelay(registry, PREFIX);

  return {
    registry,

    /** Something that only grows; name it `…_total`. */
    counter<Label extends string = never>(name: string, help: string, labels: readonly Label[] = []): Counter<Label> {
      return new Counter({ name: PREFIX + name, help, labelNames: labels, registers: [registry] });
    },

    /** Something that goes up and down. */
    gauge<Label extends string = never>(name: string, help: string, labels: readonly Label[] = []): Gauge<Label> {
      return new Gauge({ name: PREFIX + name, help, labelNames: labels, registers: [registry] });
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
    async text(): Promise<{ contentType: string; body: string }> {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },

    /** Ends the observation of the event loop. */
    stop,
  };
}
