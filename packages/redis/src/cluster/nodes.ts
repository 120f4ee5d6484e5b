import type { Redis } from 'ioredis';

/** What commands and ears need to know of a Redis Cluster; `RedisCluster` of packages/service is one. */
export interface ClusterNodes {
  readonly kind: 'cluster';
  /** The connection for commands to the master of a slot, ready or not. Undefined when nobody serves the slot. */
  masterOf(slot: number): Redis | undefined;
  /** `host:port` of the master of a slot. */
  addressOf(slot: number): string | undefined;
  /** `host:port` of every master that has slots. */
  readonly masters: ReadonlySet<string>;
  /** A ready connection to a node that a redirect named. Rejects when there is none in time. */
  redirected(address: string): Promise<Redis>;
  /** A node said that a slot has another master. */
  moved(slot: number, address: string): void;
  /** Something happened that may mean that a slot has another master. */
  lookSoon(): void;
  /** Calls back after each look at the Cluster, with the slots whose master changed; gives back the stop. */
  onLook(listener: (changedSlots: readonly number[]) => void): () => void;
  /** A connection that listens to one master; it comes back by itself. */
  openSubscriber(address: string): Redis;
  closeSubscriber(subscriber: Redis): void;
  /** Why not every command can be answered now; null when it can. */
  fault(): string | null;
}
