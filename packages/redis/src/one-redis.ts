import type { Redis } from 'ioredis';
import { reasonOf } from '@holdfast/service/error-fields';
import type { OpenRedisOptions, RedisLink } from './link.ts';
import { type DirectTarget, type WaitForRedisOptions, closeRedis, connectRedis, waitForRedis } from './connection.ts';

/** One Redis, or the master that Sentinels name. */
export class OneRedis implements RedisLink {
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

  /** A connection that listens. It is closed with the others. */
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
