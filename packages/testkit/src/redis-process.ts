import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';
import { redisBinary } from './cluster-process.ts';

export interface PrivateRedisOptions {
  /** Default: a free one. Give it to start again where one was. */
  port?: number;
  /** Where it keeps its files, if they must outlive it; default: a temporary one, removed by `stop`. */
  directory?: string;
  /** More settings: `['--appendonly', 'yes']`. */
  args?: readonly string[];
}

/** A Redis that a test may hurt. */
export type PrivateRedis = Pick<RedisServer, 'url' | 'port' | 'pid'> & {
  /** SIGKILL, and it is gone when this resolves. Its port can be taken again by another `startPrivateRedis`. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay, nothing answers. */
  readonly freeze: () => void;
  /** SIGCONT. */
  readonly thaw: () => void;
  /** Ends it in good order, frozen or not. */
  readonly stop: () => Promise<void>;
};

/** Starts a Redis of the test's own. Needs a program, found on PATH: a container cannot be frozen by its process id. */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const server = await startRedisServer({ binary: await redisBinary(), ...options });
  const { url, port, pid } = server;
  return {
    url,
    port,
    pid,
    kill: async () => {
      server.kill('SIGKILL');
      await server.stop();
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    stop: () => server.stop(),
  };
}
