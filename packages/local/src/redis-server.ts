import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis, redisInfo } from './ask-redis.ts';
import { type Child, ChildFailed, type Exit, lineOf, spawnChild } from './child.ts';
import { freePort } from './free-port.ts';
import { runCommand } from './run-command.ts';

/** Sharded pub/sub, on which delivery rests, came with Redis 7.0. Every Valkey has it. */
const OLDEST_REDIS_MAJOR = 7;
/** Each try takes another free port; that somebody takes five in a row is no race any more. */
const PORT_TRIES = 5;
/** A given directory may hold a large append-only file to load. */
const READY_MS = 60_000;
/** With persistence on, Redis writes its file before it ends. */
const STOP_GRACE_MS = 10_000;

/**
 * What an installation wants of its Redis: nothing on disk, no eviction, keyspace events of sets (the wake-up), and
 * room for a subscriber that stalls for a moment (the default of 32 MB is passed within seconds under load).
 */
export const REDIS_SETTINGS: readonly string[] = [
  ['--save', ''],
  ['--appendonly', 'no'],
  ['--maxmemory-policy', 'noeviction'],
  ['--notify-keyspace-events', 'Ks'],
  ['--client-output-buffer-limit', 'pubsub', '256mb', '128mb', '60'],
].flat();

/** What a node of a Cluster has besides. A dead master is replaced after two seconds, so that fail-overs can be watched. */
const NODE_SETTINGS: readonly string[] = [
  ['--cluster-enabled', 'yes'],
  ['--cluster-config-file', 'nodes.conf'],
  ['--cluster-node-timeout', '2000'],
  ['--cluster-allow-replica-migration', 'no'],
].flat();

/** PEM files: a certificate for 127.0.0.1, its key, and who signed both. */
export interface TlsFiles {
  cert: string;
  key: string;
  ca: string;
}

export interface RedisServerOptions {
  /** The redis-server or valkey-server to run. */
  binary: string;
  /** Makes it a node of a Cluster that is yet to be formed: the port on which nodes talk; `any` is a free one. */
  busPort?: number | 'any';
  /** Speaks TLS, and nothing else. */
  tls?: TlsFiles;
  /** Where it keeps its files; a given one stays the caller's. Default: a temporary one, removed by `stop`. */
  directory?: string;
  /** Default: a free one. */
  port?: number;
  /** More settings, after ours, so that they win: `['--appendonly', 'yes']`. */
  args?: readonly string[];
  /** More variables: of a library that is loaded into it, say. */
  env?: Readonly<Record<string, string>>;
}

/** A Redis of our own, that may be hurt, and started again on the same port with what its directory holds. */
export class RedisServer {
  readonly binary: string;
  readonly port: number;
  /** Of a node of a Cluster; 0 for any other. */
  readonly busPort: number;
  /** Where it keeps its files. */
  readonly directory: string;
  readonly url: string;
  readonly #options: RedisServerOptions;
  #child: Child | undefined;

  private constructor(port: number, busPort: number, directory: string, options: RedisServerOptions) {
    this.binary = options.binary;
    this.port = port;
    this.busPort = busPort;
    this.directory = directory;
    this.url = `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`;
    this.#options = options;
  }

  /** See {@link startRedisServer}. */
  static async start(port: number, busPort: number, options: RedisServerOptions): Promise<RedisServer> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'holdfast-redis-')));
    const server = new RedisServer(port, busPort, directory, options);
    try {
      await server.startAgain();
    } catch (error) {
      await server.#removeDirectory();
      throw error;
    }
    return server;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get exited(): Promise<Exit> {
    return this.#running().exited;
  }

  /** Starts it, after it has ended. */
  async startAgain(): Promise<void> {
    const { binary, tls, args = [], env, directory } = this.#options;
    const child = await spawnChild({
      command: binary,
      args: [
        ['--bind', '127.0.0.1', '--dir', this.directory, '--loglevel', 'notice'],
        portSettings(this.port, tls),
        REDIS_SETTINGS,
        this.busPort === 0 ? [] : [...NODE_SETTINGS, '--cluster-port', String(this.busPort)],
        args,
      ].flat(),
      env: { PATH: process.env['PATH'], ...env },
      cleanUp: {
        script: 'kill -KILL "$1"; [ -z "$2" ] || rm -rf -- "$2"',
        args: [directory === undefined ? this.directory : ''],
      },
    });
    this.#child = child;
    try {
      await lineOf(child, binary, READY_MS, (line) => line.includes('Ready to accept connections') || undefined);
    } catch (error) {
      await child.exited;
      throw error;
    }
  }

  /** False when it has ended. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#running().kill(signal);
  }

  /** SIGKILL; resolves when it has ended. Its files stay. */
  async crash(): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
  }

  /** SIGSTOP: connections stay, nothing answers. */
  freeze(): void {
    this.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.kill('SIGCONT');
  }

  /** Ends it and removes its directory, unless that was given. */
  async stop(): Promise<void> {
    await this.#running().stop(STOP_GRACE_MS);
    await this.#removeDirectory();
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

  #running(): Child {
    if (this.#child === undefined) throw new Error('this Redis was not started');
    return this.#child;
  }

  async #removeDirectory(): Promise<void> {
    if (this.#options.directory === undefined) await rm(this.directory, { recursive: true, force: true });
  }
}

/** Starts a Redis of our own on 127.0.0.1, ready to answer. Rejects with {@link ChildFailed} and what it printed. */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const busPort = options.busPort === 'any' ? await freePort() : (options.busPort ?? 0);
      return await RedisServer.start(options.port ?? (await freePort()), busPort, options);
    } catch (error) {
      if (options.port !== undefined || attempt === PORT_TRIES || !lostThePort(error)) throw error;
    }
  }
}

function lostThePort(error: unknown): boolean {
  return error instanceof ChildFailed && error.lines.some((line) => line.includes('Address already in use'));
}

function portSettings(port: number, tls: TlsFiles | undefined): string[] {
  if (tls === undefined) return ['--port', String(port)];
  return [
    ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
    ['--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.ca],
    ['--tls-replication', 'yes', '--tls-cluster', 'yes'],
  ].flat();
}

/** Why this binary cannot serve, or null when it can. */
export async function redisFault(binary: string): Promise<string | null> {
  const { code, output, printed } = await runCommand(binary, ['--version'], { PATH: process.env['PATH'] });
  if (code !== 0) return `${binary} does not run: ${printed}`;
  if (/^valkey/i.test(output)) return null;
  const major = /\bv=(\d+)/.exec(output)?.[1];
  if (major === undefined || Number(major) >= OLDEST_REDIS_MAJOR) return null;
  return `${binary} is older than ${OLDEST_REDIS_MAJOR}.0 (${output.split(' sha=')[0] ?? output})`;
}
