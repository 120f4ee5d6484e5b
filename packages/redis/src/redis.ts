import { reasonOf } from '@holdfast/service/error-fields';
import type { Redis } from 'ioredis';
import type { DirectTarget } from './address.ts';
import { RedisCluster } from './cluster/cluster.ts';
import { ClusterSubscriber } from './cluster/subscriber.ts';
import type { ClusterTopology, OpenRedisOptions } from './cluster/topology.ts';
import type { RedisLink } from './commands.ts';
import type { RedisTarget } from './config.ts';
import { type WaitForRedisOptions, closeRedis, connectRedis, waitForRedis } from './connection.ts';
import { type Subscriber, type SubscriberOptions, singleSubscriber } from './subscriber.ts';

export function openRedis(target: RedisTarget, options: OpenRedisOptions): SingleRedis | RedisCluster {
  return target.kind === 'cluster' ? new RedisCluster(target, options) : new SingleRedis(target, options);
}

/** What subscribers need of a Redis. */
export type SubscriberSource =
  Pick<SingleRedis, 'kind' | 'openSubscriber'> | { kind: 'cluster'; topology: ClusterTopology };

/** Subscribes at a single server, or at each master of a Cluster. */
export function subscriberOf(source: SubscriberSource, options: SubscriberOptions): Subscriber {
  if (source.kind === 'cluster') return new ClusterSubscriber(source.topology, options);
  return singleSubscriber(source.openSubscriber(), options);
}

/** One server, or the master that Sentinels name. */
export class SingleRedis implements RedisLink {
  readonly kind = 'one';
  readonly commands: Redis;
  readonly #target: DirectTarget;
  readonly #options: OpenRedisOptions;
  readonly #subscribers: Redis[] = [];
  /** Why the last attempt to connect failed. */
  #reason: string | null = null;

  constructor(target: DirectTarget, options: OpenRedisOptions) {
    this.#target = target;
    this.#options = options;
    this.commands = connectRedis(target, { ...options, role: 'commands' });
    this.commands.on('error', (error: Error) => {
      this.#reason = reasonOf(error);
    });
    this.commands.on('ready', () => {
      this.#reason = null;
    });
  }

  /** A connection for pub/sub. It is closed with the others. */
  openSubscriber(): Redis {
    const { name, logger } = this.#options;
    const subscriber = connectRedis(this.#target, { name: `${name}-live`, role: 'subscriber', logger });
    this.#subscribers.push(subscriber);
    return subscriber;
  }

  servers(): readonly Redis[] {
    return [this.commands];
  }

  fault(): string | null {
    if (this.commands.status === 'ready') return null;
    return this.#reason === null ? 'Redis does not answer' : `Redis does not answer: ${this.#reason}`;
  }

  onReady(listener: (connection: Redis, again: boolean) => void): void {
    let before = false;
    const onReady = (): void => {
      listener(this.commands, before);
      before = true;
    };
    this.commands.on('ready', onReady);
    if (this.commands.status === 'ready') onReady();
  }

  whenReady(options: WaitForRedisOptions): Promise<void> {
    return waitForRedis(this.commands, options);
  }

  async close(): Promise<void> {
    await Promise.all([this.commands, ...this.#subscribers].map(closeRedis));
  }
}
