import type { Edges } from '@holdfast/broker/broker';
import type { EdgeDetails } from '@holdfast/broker/edge-state';

/** Edges report once a second, so half of that loses little; a rush of registrations asks Redis twice a second. */
const FRESH_MS = 500;

/** Where a client may connect. */
export interface ConnectInfo {
  /** Where to connect first; null while no edge lives. */
  url: string | null;
  /** Every URL under which edges take connections. */
  urls: string[];
}

interface Directory {
  readonly sites: readonly Site[];
  readonly urls: readonly string[];
}

/** The addresses of edges, cached for half a second. */
export class EdgeDirectory {
  readonly #broker: Edges;
  readonly #random: Random;
  #directory: Promise<Directory> = Promise.resolve({ sites: [], urls: [] });
  #readAt = -Infinity;

  constructor(broker: Edges, random: Random = Math.random) {
    this.#broker = broker;
    this.#random = random;
  }

  /** Where to send the next client. Rejects with `RedisUnavailable`. */
  async connectInfo(): Promise<ConnectInfo> {
    const { sites, urls } = await this.#read();
    return { url: place(sites, this.#random)?.url ?? null, urls: [...urls] };
  }

  #read(): Promise<Directory> {
    const now = performance.now();
    if (now - this.#readAt > FRESH_MS) {
      this.#readAt = now;
      this.#directory = this.#broker.liveEdges().then((edges) => {
        const sites = sitesOf(edges);
        return { sites, urls: sites.map(({ url }) => url) };
      });
      // A failure rejects the pending calls, and is not cached.
      this.#directory.catch(() => {
        this.#readAt = -Infinity;
      });
    }
    return this.#directory;
  }
}

/** A number from 0 up to, and not including, 1. */
export type Random = () => number;

/** Where clients may connect: an edge, or all workers and edges that share a URL. */
export interface Site {
  readonly url: string;
  readonly maxConnections: number;
  connections: number;
}

/**
 * The URLs to hand out: of the edges that take connections. When none does, those of edges that are full, else of those
 * that drain: they answer 503 with Retry-After, and have room again when a client leaves, or when a successor listens under
 * the same URL. A client with no URL at all could only be registered anew.
 */
export function sitesOf(edges: readonly EdgeDetails[]): Site[] {
  const staying = edges.filter(({ draining }) => !draining);
  const open = staying.filter(({ connections, maxConnections }) => connections < maxConnections);
  const candidates = [open, staying, edges].find(({ length }) => length > 0) ?? [];
  const byUrl = Map.groupBy(candidates, ({ url }) => url);
  return [...byUrl].map(([url, group]) => ({
    url,
    connections: sumOf(group, 'connections'),
    maxConnections: sumOf(group, 'maxConnections'),
  }));
}

/**
 * The less loaded of two sites taken at random, counted as one connection more; null when there is none. Always the least
 * loaded would send all registrations until the next report of the edges to the same one.
 */
export function place(sites: readonly Site[], random: Random): Site | null {
  const one = pick(sites, random);
  const other = pick(
    sites.filter((site) => site !== one),
    random,
  );
  const chosen = one && other && loadOf(other) < loadOf(one) ? other : one;
  // At once: the edge's own report comes too late to spread registrations of the same second.
  if (chosen) chosen.connections += 1;
  return chosen;
}

/** The share of its places that is taken. */
export function loadOf({ connections, maxConnections }: Site): number {
  return connections / maxConnections;
}

/** One of them, as often as it has places: one with half of all places has to be taken for half of all clients. */
function pick(sites: readonly Site[], random: Random): Site | null {
  let point = random() * sumOf(sites, 'maxConnections');
  return sites.find((site) => (point -= site.maxConnections) < 0) ?? null;
}

function sumOf(
  edges: readonly Pick<EdgeDetails, 'connections' | 'maxConnections'>[],
  field: 'connections' | 'maxConnections',
): number {
  return edges.reduce((sum, edge) => sum + edge[field], 0);
}
