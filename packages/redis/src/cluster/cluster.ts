import type { Redis } from 'ioredis';
import type { Commands, RedisLink } from '../commands.ts';
import { type WaitForRedisOptions, remind } from '../connection.ts';
import { clusterCommands } from './commands.ts';
import { type ClusterTarget, type OpenRedisOptions, Topology } from './topology.ts';

/** A Redis Cluster. */
export class RedisCluster implements RedisLink {
  readonly kind = 'cluster';
  readonly topology: Topology;
  readonly commands: Commands;
  readonly #closing = new AbortController();

  constructor(target: ClusterTarget, options: OpenRedisOptions) {
    this.topology = new Topology(target, options);
    this.commands = clusterCommands(this.topology);
  }

  servers(): readonly Redis[] {
    return this.topology.servers();
  }

  fault(): string | null {
    return this.topology.fault();
  }

  onReady(listener: (connection: Redis, again: boolean) => void): void {
    this.topology.onReady(listener);
  }

  async whenReady(options: WaitForRedisOptions): Promise<void> {
    const { topology } = this;
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    signal.throwIfAborted();
    const ready = Promise.withResolvers<void>();
    const reminder = remind(() => topology.fault() ?? 'a node has just gone', options);
    const check = (): void => {
      if (topology.fault() === null) ready.resolve();
      else if (topology.mapFault !== null) reminder.logOnce();
    };
    const onAbort = (): void => ready.reject(signal.reason);
    const stops = [topology.onRefresh(check), topology.onReady(check)];
    signal.addEventListener('abort', onAbort, { once: true });
    check();
    try {
      await ready.promise;
    } finally {
      reminder.stop();
      for (const stop of stops) stop();
      signal.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The connection to the Cluster was closed'));
    await this.topology.close();
  }
}
