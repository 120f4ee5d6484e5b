import type { Edges } from '@holdfast/broker/broker';
import { type Random, type Site, place, sitesOf } from './placement.ts';

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

/** Where edges can be reached, remembered for a moment. */
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
      // A failure is told to those who wait for it, and not remembered.
      this.#directory.catch(() => {
        this.#readAt = -Infinity;
      });
    }
    return this.#directory;
  }
}
