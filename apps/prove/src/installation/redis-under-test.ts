import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';
import { Redis } from 'ioredis';

const CONNECT_MS = 3000;
const ANSWER_MS = 5000;

export interface RedisOptions {
  binary: string;
  /** Where it keeps its files; stays there through its lives. */
  directory: string;
  args: readonly string[];
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
    return new RedisUnderTest(options, await startRedisServer({ ...options }));
  }

  get url(): string {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port;
  }

  get pid(): number {
    return this.#server.pid;
  }

  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.exited;
  }

  async startAgain(): Promise<void> {
    this.#server = await startRedisServer({ ...this.#options, port: this.port });
  }

  freeze(): void {
    this.#server.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server.kill('SIGCONT');
  }

  /** Sends one command on a connection of its own. Rejects when Redis is away or refuses. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = new Redis(this.url, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      commandTimeout: ANSWER_MS,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    // What goes wrong rejects the call below; an `error` that nobody hears would be printed.
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  }

  /** A field of INFO, as text. */
  async info(field: string): Promise<string> {
    const text = String(await this.ask('INFO', 'everything'));
    const line = text.split('\r\n').find((candidate) => candidate.startsWith(`${field}:`));
    if (line === undefined) throw new Error(`INFO has no ${field}`);
    return line.slice(field.length + 1);
  }

  async infoNumber(field: string): Promise<number> {
    return Number(await this.info(field));
  }

  /** Ends it for good, at once: the run is over. */
  stop(): Promise<void> {
    return this.kill();
  }
}
