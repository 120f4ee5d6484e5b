import type { OwnDatabases } from '@holdfast/local/databases';
import { type Target, type TcpProxy, startTcpProxy } from '@holdfast/local/tcp-proxy';
import { channelFilter } from './channel-filter.ts';
import type { Needs } from './needs.ts';
import { portRewriter } from './port-rewriter.ts';

/** Channels of which an edge hears nothing, and how many messages it missed by that. */
export interface MutedChannels {
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
  readonly mutedChannels: MutedChannels[] = [];
  /** Where those before Redis lead to, and those before edges. */
  readonly #targets: Target[] = [];
  readonly #edgeTargets: Target[] = [];
  readonly #started: AsyncDisposableStack;

  constructor(started: AsyncDisposableStack) {
    this.#started = started;
  }

  /** Opens what is needed; gives the variables by which each service finds Redis through them. */
  async openAll({ proxies, controls, edges }: Needs, databases: OwnDatabases) {
    const toRedis = { controls: [] as Record<string, string>[], edges: [] as Record<string, string>[] };
    for (let number = 0; proxies.controlsToRedis === true && number < controls; number += 1) {
      const { way, env } = await this.#toRedis(databases, () => []);
      this.controlsToRedis.push(way);
      toRedis.controls.push(env);
    }
    for (let number = 0; proxies.edgesToRedis === true && number < edges; number += 1) {
      toRedis.edges.push(await this.#edgeToRedis(databases));
    }
    for (let number = 0; proxies.clientsToEdges === true && number < edges; number += 1) {
      const target = { port: 0 };
      this.#edgeTargets.push(target);
      this.beforeEdges.push(await this.#open(target));
    }
    return toRedis;
  }

  /** Where those before edges lead to is known when the edges listen. */
  leadToEdges(edges: readonly { url: string }[]): void {
    for (const [index, target] of this.#edgeTargets.entries()) {
      target.port = Number(new URL(edges[index]?.url ?? '').port);
    }
  }

  /** Puts them between an edge and Redis; gives the variables of the edge. */
  async #edgeToRedis(databases: OwnDatabases): Promise<Record<string, string>> {
    const mutedChannels: MutedChannels = { channels: new Set(), dropped: 0 };
    const isDropped = (channel: string) => mutedChannels.channels.has(channel);
    const onDropped = () => {
      mutedChannels.dropped += 1;
    };
    const { way, env } = await this.#toRedis(databases, () => [channelFilter(isDropped, onDropped)]);
    this.mutedChannels.push(mutedChannels);
    this.edgesToRedis.push(way);
    return env;
  }

  /** Has those that lead to one server lead to another from now on; connections that stand are cut. */
  move(from: number, to: number): void {
    for (const target of this.#targets) if (target.port === from) target.port = to;
    for (const way of [...this.edgesToRedis, ...this.controlsToRedis]) way.cut();
  }

  /** One before each server, for one service: what servers say of each other leads to its proxies as well. */
  async #toRedis(
    databases: OwnDatabases,
    filters: () => Rewrite[],
  ): Promise<{ way: Way; env: Record<string, string> }> {
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
    return { way: groupOf(proxies), env: databases.envThrough(ports) };
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

/** What can be done to the way between two parts of an installation. */
export interface Way extends Omit<TcpProxy, 'port' | 'url' | 'stop'> {
  /** To each server: masters, their replicas, Sentinels. */
  readonly each: readonly TcpProxy[];
}

/** Several proxies that are hurt as one: the way of a service to a Redis of several servers. */
function groupOf(proxies: readonly TcpProxy[]): Way {
  const each = (act: (proxy: TcpProxy) => void) => () => proxies.forEach(act);
  const sum = (of: (proxy: TcpProxy) => number) => () => proxies.reduce((total, proxy) => total + of(proxy), 0);
  return {
    each: proxies,
    connections: sum((proxy) => proxy.connections()),
    bytesHeld: sum((proxy) => proxy.bytesHeld()),
    bytesSwallowed: sum((proxy) => proxy.bytesSwallowed()),
    cut: each((proxy) => proxy.cut()),
    refuse: each((proxy) => proxy.refuse()),
    holdAnswers: each((proxy) => proxy.holdAnswers()),
    blackHole: each((proxy) => proxy.blackHole()),
    strand: each((proxy) => proxy.strand()),
    heal: each((proxy) => proxy.heal()),
    delay: (milliseconds) => {
      for (const proxy of proxies) proxy.delay(milliseconds);
    },
  };
}
