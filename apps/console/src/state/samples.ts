import type { Capacity, Edge } from '../api/edges.ts';

export const SERIES = ['connections', 'deliveries', 'publishes', 'lag', 'lost', 'refusals'] as const;
export type SeriesName = (typeof SERIES)[number];
export type Sample = Readonly<Record<SeriesName, number | null>>;

export const NOTHING: Sample = {
  connections: null,
  deliveries: null,
  publishes: null,
  lag: null,
  lost: null,
  refusals: null,
};

/** One moment of an installation. What no edge reports is null. */
export function sampleOf(edges: readonly Edge[], { total }: Pick<Capacity, 'total'>): Sample {
  const loads = edges.flatMap(({ load }) => (load ? [load] : []));
  const messages = loads.flatMap(({ messagesPerSecond }) => messagesPerSecond ?? []);
  return {
    connections: total.connections,
    deliveries: total.deliveriesPerSecond,
    // Each edge that serves a topic receives its messages: the busiest comes nearest to what was published.
    publishes: messages.length === 0 ? total.messagesPerSecond : Math.max(...messages),
    lag: null,
    lost: null,
    refusals: null,
  };
}
