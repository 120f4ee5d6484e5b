import type { Redis } from 'ioredis';
import type { Logger } from '@holdfast/service/logger';
import type { WaitForRedisOptions } from './connection.ts';

/** The way to our Redis, be it one server or many. */
export interface RedisLink {
  /** The connections for commands to the servers that hold data, ready or not. */
  servers(): readonly Redis[];
  /** Why not every command can be answered now; null when it can, as far as is known. */
  fault(): string | null;
  /**
   * Calls back with each connection for commands that is ready. `again` when all of Redis was ready before: then that
   * server was away, or is a new one.
   */
  onReady(listener: (connection: Redis, again: boolean) => void): void;
  /** Waits until all of it is ready, and says that it waits. Rejects with the signal's reason. */
  whenReady(options: WaitForRedisOptions): Promise<void>;
  /** Closes every connection for good. Never rejects. */
  close(): Promise<void>;
}

export interface OpenRedisOptions {
  /** Shown in Redis' CLIENT LIST and in log lines. */
  readonly name: string;
  readonly logger: Logger;
}
