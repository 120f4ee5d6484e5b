import { type Target, type TcpProxy, startTcpProxy } from '@holdfast/local/tcp-proxy';
import { type Databases, environmentFor } from './databases.ts';
import { deafFilter } from './deaf-filter.ts';
import { portRewriter } from './port-rewriter.ts';
import { type Way, groupOf } from './proxy-group.ts';

/** Channels of which an edge hears nothing, and how many messages it missed by that. */
export interface Deafness {
  readonly channels: Set<string>;
  dropped: number;
}

type Rewrite = (bytes: Buffer) => Buffer;

/** The proxies of an installation. */
export class Proxies {
  readonly edgesToRedis: Way[] = [];
  readonly controlsToRedis: Way[] = [];
  readonly beforeEdges: TcpProxy[] = [];
  /** One an edge. */
  readonly deafness: Deafness[] = [];
  /** Where those before Redis lead to. */
  readonly #targets: Target[] = [];
  readonly #started: AsyncDisposableStack;

  constructor(started: AsyncDisposableStack) {
    this.#started = started;
  }

  /** Puts them between a control-api and Redis; gives the variables of the control-api. */
  async controlToRedis(databases: Databases): Promise<Record<string, string>> {
    const { way, env } = await this.#toRedis(databases, () => []);
    this.controlsToRedis.push(way);
    return env;
  }

  /** Puts them between an edge and Redis; gives the variables of the edge. */
  async edgeToRedis(databases: Databases): Promise<Record<string, string>> {
    const deafness: Deafness = { channels: new Set(), dropped: 0 };
    const isDropped = (channel: string) => deafness.channels.has(channel);
    const onDropped = () => {
      deafness.dropped += 1;
    };
    const { way, env } = await this.#toRedis(databases, () => [deafFilter(isDropped, onDropped)]);
    this.deafness.push(deafness);
    this.edgesToRedis.push(way);
    return env;
  }

  /** Puts one before an edge. */
  async beforeEdge(target: Target): Promise<TcpProxy> {
    const proxy = await this.#open(target);
    this.beforeEdges.push(proxy);
    return proxy;
  }

  /** Has those that lead to one server lead to another from now on; connections that stand are cut. */
  move(from: number, to: number): void {
    for (const target of this.#targets) if (target.port === from) target.port = to;
    for (const way of [...this.edgesToRedis, ...this.controlsToRedis]) way.cut();
  }

  /** One before each server, for one service: what servers say of each other leads to its proxies as well. */
  async #toRedis(databases: Databases, filters: () => Rewrite[]): Promise<{ way: Way; env: Record<string, string> }> {
    const { masters, replicas, sentinelPorts, kind } = databases;
    const ports = new Map<number, number>();
    const rewrite = () => chain(kind === 'single' ? filters() : [...filters(), portRewriter(ports)]);
    const proxies: TcpProxy[] = [];
    for (const port of [...[...masters, ...replicas].map((server) => server.port), ...sentinelPorts]) {
      const target = { port, rewrite };
      this.#targets.push(target);
      const proxy = await this.#open(target);
      ports.set(port, proxy.port);
      proxies.push(proxy);
    }
    return { way: groupOf(proxies), env: environmentFor(databases, ports) };
  }

  async #open(target: Target): Promise<TcpProxy> {
    const proxy = await startTcpProxy(target);
    this.#started.defer(proxy.stop);
    return proxy;
  }
}

function chain(filters: readonly Rewrite[]): Rewrite {
  return (bytes) => filters.reduce((left, filter) => filter(left), bytes);
}
