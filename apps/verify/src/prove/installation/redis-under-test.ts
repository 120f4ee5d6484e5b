import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { askRedis, redisInfo } from '@holdfast/local/ask-redis';
import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';

const ANY_BUS = { busPort: 'any' } as const;

export interface RedisOptions {
  binary: string;
  /** Where it keeps its files; stays there through its lives. */
  directory: string;
  args: readonly string[];
  /** Whether it is to be part of a Cluster. */
  isNode: boolean;
  env?: Readonly<Record<string, string>>;
}

/** A Redis that can be hurt, and started again on the same port with what its directory holds. */
export class RedisUnderTest {
  readonly #options: RedisOptions;
  #server: RedisServer;

  private constructor(options: RedisOptions, server: RedisServer) {
    this.#options = options;
    this.#server = server;
  }

  /** Rejects with `ChildFailed`. */
  static async start(options: RedisOptions): Promise<RedisUnderTest> {
    return new RedisUnderTest(options, await startRedisServer({ ...options, ...(options.isNode && ANY_BUS) }));
  }

  get url(): string {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port;
  }

  /** On which nodes of a Cluster talk; 0 of a single Redis. */
  get busPort(): number {
    return this.#server.busPort;
  }

  get pid(): number {
    return this.#server.pid;
  }

  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.exited;
  }

  async startAgain(): Promise<void> {
    const { port, busPort } = this;
    this.#server = await startRedisServer({ ...this.#options, port, busPort });
  }

  /** Copies what it has written to its append-only file so far; gives what has it come back with that. */
  async save(): Promise<() => Promise<void>> {
    const file = join(this.#options.directory, 'appendonlydir');
    const saved = `${file}-saved`;
    await rm(saved, { recursive: true, force: true });
    await cp(file, saved, { recursive: true });
    return async () => {
      await rm(file, { recursive: true, force: true });
      await cp(saved, file, { recursive: true });
      await this.startAgain();
    };
  }

  /** Starts it with nothing of what it had. */
  async startEmpty(): Promise<void> {
    await rm(join(this.#options.directory, 'appendonlydir'), { recursive: true, force: true });
    await this.startAgain();
  }

  freeze(): void {
    this.#server.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server.kill('SIGCONT');
  }

  /** Sends one command on a connection of its own. Rejects when Redis is away or refuses. */
  ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    return askRedis(this.url, command, ...args);
  }

  /** A field of INFO, as text. */
  info(field: string): Promise<string> {
    return redisInfo(this.url, field);
  }

  async infoNumber(field: string): Promise<number> {
    return Number(await this.info(field));
  }

  /** Ends it for good, at once: the run is over. */
  stop(): Promise<void> {
    return this.kill();
  }
}
