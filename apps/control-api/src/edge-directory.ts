import type { EdgeDetails, Edges } from '@holdfast/broker/broker';

/** Edges report once a second, so half of that loses little; a rush of registrations asks Redis twice a second. */
const FRESH_MS = 500;

/** Where a client may connect. */
export interface ConnectInfo {
  /** The edge with the most room; null while none takes connections. */
  url: string | null;
  /** Every edge that takes connections. */
  urls: string[];
}

/** The live edges, remembered for a moment. */
export class EdgeDirectory {
  readonly #broker: Edges;
  #edges: Promise<EdgeDetails[]> = Promise.resolve([]);
  #readAt = -Infinity;

  constructor(broker: Edges) {
    this.#broker = broker;
  }

  /** Where to send the next client. Rejects with `BrokerUnavailable`. */
  async connectInfo(): Promise<ConnectInfo> {
    const open = (await this.#list()).filter((edge) => !edge.draining && edge.connections < edge.maxConnections);
    const best = open.toSorted((a, b) => load(a) - load(b))[0];
    // Counted at once: the edge's own report comes too late to spread those who register in the same second.
    if (best !== undefined) best.connections += 1;
    return { url: best?.url ?? null, urls: [...new Set(open.map((edge) => edge.url))] };
  }

  #list(): Promise<EdgeDetails[]> {
    const now = performance.now();
    if (now - this.#readAt > FRESH_MS) {
      this.#readAt = now;
      this.#edges = this.#broker.liveEdges();
      // A failure is told to those who wait for it, and not remembered.
      this.#edges.catch(() => {
        this.#readAt = -Infinity;
      });
    }
    return this.#edges;
  }
}

function load(edge: EdgeDetails): number {
  return edge.connections / edge.maxConnections;
}
