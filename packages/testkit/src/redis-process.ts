import { startRedisServer } from '@holdfast/local/redis-server';
import { usableProgram } from '@holdfast/local/redis';

export interface PrivateRedisOptions {
  /** Default: a free one. Give it to start again where one was. */
  port?: number;
  /** Where it keeps its files, if they must outlive it; default: a temporary one, removed by `stop`. */
  directory?: string;
  /** More settings: `['--appendonly', 'yes']`. */
  args?: readonly string[];
}

/** A Redis that a test may hurt. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL, and it is gone when this resolves. Its port can be taken again by another `startPrivateRedis`. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay, nothing answers. */
  readonly freeze: () => void;
  /** SIGCONT. */
  readonly thaw: () => void;
  /** Ends it in good order, frozen or not. */
  readonly stop: () => Promise<void>;
}

/** Starts a Redis of the test's own. Needs a program, found on PATH: a container cannot be frozen by its process id. */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const found = await usableProgram(process.env['PATH']);
  if ('missing' in found) throw new Error(`a Redis to hurt needs the program itself: ${found.missing}`);
  const server = await startRedisServer({ binary: found.program, ...options });
  return {
    url: server.url,
    port: server.port,
    pid: server.pid,
    kill: async () => {
      server.kill('SIGKILL');
      await server.stop();
    },
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    stop: server.stop,
  };
}
