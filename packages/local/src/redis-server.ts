import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
 * What an installation wants of its Redis: nothing on disk, no eviction, keyspace events of sets (the doorbell), and
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

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Of a node of a Cluster; 0 for any other. */
  readonly busPort: number;
  readonly pid: number;
  readonly binary: string;
  readonly exited: Promise<Exit>;
  readonly kill: (signal: NodeJS.Signals) => boolean;
  /** Ends it and removes its directory, when that was not given. */
  readonly stop: () => Promise<void>;
}

/** Starts a Redis of our own on 127.0.0.1, ready to answer. Rejects with {@link ChildFailed} and what it printed. */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const busPort = options.busPort === 'any' ? await freePort() : (options.busPort ?? 0);
      return await startOn(options.port ?? (await freePort()), busPort, options);
    } catch (error) {
      if (options.port !== undefined || attempt === PORT_TRIES || !lostThePort(error)) throw error;
    }
  }
}

function lostThePort(error: unknown): boolean {
  return error instanceof ChildFailed && error.lines.some((line) => line.includes('Address already in use'));
}

async function startOn(port: number, busPort: number, options: RedisServerOptions): Promise<RedisServer> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'holdfast-redis-')));
  const isOurs = options.directory === undefined;
  const removeDirectory = async () => {
    if (isOurs) await rm(directory, { recursive: true, force: true });
  };
  let child: Child | undefined;
  try {
    child = await spawnChild({
      command: options.binary,
      args: [
        ['--bind', '127.0.0.1', '--dir', directory, '--loglevel', 'notice'],
        portSettings(port, options.tls),
        REDIS_SETTINGS,
        busPort === 0 ? [] : [...NODE_SETTINGS, '--cluster-port', String(busPort)],
        options.args ?? [],
      ].flat(),
      env: { PATH: process.env['PATH'], ...options.env },
      will: {
        script: 'kill -KILL "$1"; [ -z "$2" ] || rm -rf -- "$2"',
        args: [isOurs ? directory : ''],
      },
    });
    await lineOf(child, options.binary, READY_MS, (line) => line.includes('Ready to accept connections') || undefined);
  } catch (error) {
    await child?.exited;
    await removeDirectory();
    throw error;
  }
  const server = child;
  return {
    url: `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    port,
    busPort,
    pid: server.pid,
    binary: options.binary,
    exited: server.exited,
    kill: (signal) => server.kill(signal),
    stop: async () => {
      await server.stop(STOP_GRACE_MS);
      await removeDirectory();
    },
  };
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
