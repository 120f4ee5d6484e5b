import { type Target, type TcpProxy, startTcpProxy } from '@holdfast/local/tcp-proxy';
import type { Databases } from './databases.ts';
import { deafFilter } from './deaf-filter.ts';

/** Channels of which an edge hears nothing, and how many messages it missed by that. */
export interface Deafness {
  readonly channels: Set<string>;
  dropped: number;
}

/** The proxies of an installation. */
export class Proxies {
  readonly edgesToRedis: TcpProxy[] = [];
  readonly controlsToRedis: TcpProxy[] = [];
  readonly beforeEdges: TcpProxy[] = [];
  /** One an edge. */
  readonly deafness: Deafness[] = [];
  readonly #started: AsyncDisposableStack;

  constructor(started: AsyncDisposableStack) {
    this.#started = started;
  }

  /** Puts one between a control-api and Redis; gives the variables of the control-api. */
  async controlToRedis({ redis }: Databases): Promise<Record<string, string>> {
    const proxy = await this.#open({ port: redis.port });
    this.controlsToRedis.push(proxy);
    return { REDIS_URL: proxy.url('redis') };
  }

  /** Puts one between an edge and Redis; gives the variables of the edge. */
  async edgeToRedis({ redis }: Databases): Promise<Record<string, string>> {
    const deafness: Deafness = { channels: new Set(), dropped: 0 };
    const isDropped = (channel: string) => deafness.channels.has(channel);
    const onDropped = () => {
      deafness.dropped += 1;
    };
    const proxy = await this.#open({ port: redis.port, rewrite: () => deafFilter(isDropped, onDropped) });
    this.deafness.push(deafness);
    this.edgesToRedis.push(proxy);
    return { REDIS_URL: proxy.url('redis') };
  }

  /** Puts one before an edge. */
  async beforeEdge(target: Target): Promise<TcpProxy> {
    const proxy = await this.#open(target);
    this.beforeEdges.push(proxy);
    return proxy;
  }

  async #open(target: Target): Promise<TcpProxy> {
    const proxy = await startTcpProxy(target);
    this.#started.defer(proxy.stop);
    return proxy;
  }
}
