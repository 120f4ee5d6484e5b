import type { Edge, EdgeLoad } from '../api/edges.ts';

export const SERIES = ['connections', 'deliveries', 'publishes', 'probe', 'eventLoop', 'lost', 'refusals'] as const;
export type SeriesName = (typeof SERIES)[number];
export type Sample = Readonly<Record<SeriesName, number | null>>;

/** While nothing is known. */
export const NOTHING = Object.fromEntries(SERIES.map((name) => [name, null])) as Sample;

/**
 * One moment of an installation, or of one edge. What no edge reports is null.
 * @param before the edges at the sample before: what they count since their start is shown as what was added
 */
export function sampleOf(edges: readonly Edge[], before: readonly Edge[]): Sample {
  const known = new Map(before.map((edge) => [edge.id, edge]));
  const reported = (of: (load: EdgeLoad) => number | undefined): number[] =>
    edges.flatMap(({ load }) => (load ? (of(load) ?? []) : []));
  const lost = edges.flatMap(({ id, load }) => {
    if (load?.lostAnnounced === undefined) return [];
    // A counter that went back belongs to a process that started anew.
    return Math.max(0, load.lostAnnounced - (known.get(id)?.load?.lostAnnounced ?? load.lostAnnounced));
  });
  return {
    connections: edges.reduce((total, edge) => total + edge.connections, 0),
    deliveries: sum(reported((load) => load.deliveriesPerSecond)),
    // Each edge that serves a topic receives its messages: the busiest comes nearest to what was published.
    publishes: highest(reported((load) => load.messagesPerSecond)),
    probe: highest(reported((load) => load.probeLatencyMs)),
    eventLoop: highest(reported((load) => load.eventLoopDelayMs)),
    lost: sum(lost),
    refusals: sum(reported((load) => load.refusalsPerSecond)),
  };
}

function sum(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

function highest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
