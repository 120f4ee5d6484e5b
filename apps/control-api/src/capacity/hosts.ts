import type { EdgeDetails, EdgeLoad } from '@holdfast/broker/broker';

/** Edges that share cores and memory. */
export interface Host {
  readonly freePlaces: number;
  /** Cores that its edges can use: one each, as far as there are any. */
  readonly cores: number;
  /** Cores that they do use. */
  readonly cpu: number;
  readonly rssBytes: number;
  readonly availableBytes: number;
}

export type LoadedEdge = EdgeDetails & { readonly load: EdgeLoad };

export function isLoaded(edge: EdgeDetails): edge is LoadedEdge {
  return edge.load !== undefined;
}

/** Draining edges use what they use, and have no place to give. */
export function hostsOf(edges: readonly LoadedEdge[]): Host[] {
  return [...Map.groupBy(edges, ({ load }) => load.host).values()].map((group) => ({
    freePlaces: sum(group, freePlaces),
    cores: Math.min(group.length, Math.max(...group.map(({ load }) => load.cores))),
    cpu: sum(group, ({ load }) => load.cpu),
    rssBytes: sum(group, ({ load }) => load.rssBytes),
    // They share it, and each tells of all of it.
    availableBytes: Math.min(...group.map(({ load }) => load.availableBytes)),
  }));
}

export function freePlaces({ draining, connections, maxConnections }: EdgeDetails): number {
  return draining ? 0 : Math.max(0, maxConnections - connections);
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
