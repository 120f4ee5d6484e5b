import { AggregatorRegistry, Registry } from 'prom-client';
import type { MetricsSnapshot, MetricsText } from './metrics.ts';

/** Kinds that only grow: a process that ended has counted what it counted. */
const GROWING = new Set(['counter', 'histogram', 'summary']);

/** One text for several processes: counters and histograms are added up, gauges as each of them says. */
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
