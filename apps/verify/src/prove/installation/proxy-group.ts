import type { TcpProxy } from '@holdfast/local/tcp-proxy';

/** What can be done to the way between two parts of an installation. */
export interface Way extends Omit<TcpProxy, 'port' | 'url' | 'stop'> {
  /** To each server: masters, their replicas, Sentinels. */
  readonly each: readonly TcpProxy[];
}

/** Several proxies that are hurt as one: the way of a service to a Redis of several servers. */
export function groupOf(proxies: readonly TcpProxy[]): Way {
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
