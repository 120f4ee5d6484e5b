import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Databases, bringDatabases } from './databases.ts';
import { createKey } from '@holdfast/keys-file/keys-file';
import { FULL_RIGHTS } from './full-rights.ts';
import { exitCleanUp } from './exit-clean-up.ts';
import type { RedisKind } from './redis-kind.ts';
import { type App, type Service, startService } from './services.ts';

export { FULL_RIGHTS };

/** No client outside waits for a paced goodbye. */
const DRAIN_SECONDS = '1';

export interface InstallationOptions {
  /** How many socket-edges. */
  edges: number;
  /** How many control-apis; default 1. */
  controls?: number;
  /**
   * A Redis that is there, one that was started for the installation, or the kind of one that is brought; the last two
   * are ended with it. Default `single`.
   */
  redis?: { url: string } | Databases | RedisKind;
  /** Of every key in Redis; default: one of its own, so that installations share a Redis without meeting. */
  prefix?: string;
  /** More variables of every service; those of Redis, keys and ports are the installation's. */
  env?: Readonly<Record<string, string>>;
  /** More variables of one service, by its number among those of its kind; asked before it starts. */
  serviceEnv?: (app: App, index: number) => Promise<Record<string, string>> | Record<string, string>;
  /** Takes every line that a service prints. */
  onLine?: (app: App, index: number, line: string) => void;
  /** The file of keys, and a key in it with full rights; default: ones of its own. */
  keys?: { keysFile: string; key: string };
  /** The first port of each kind, the next services take the next ones; default 0: any free ones. */
  ports?: { control?: number; edges?: number };
  /** Takes a line for people: which Redis. */
  announce: (line: string) => void;
}

export interface Installation {
  /** The first of `controlUrls`. */
  readonly controlUrl: string;
  readonly controlUrls: readonly string[];
  /** `ws://…`, as Register hands them out. */
  readonly edgeUrls: readonly string[];
  readonly controls: readonly Service[];
  readonly edges: readonly Service[];
  /** Of the one Redis, or of the masters when it has several. */
  readonly redisUrls: readonly string[];
  /** The variables by which services find it. */
  readonly redisEnv: Readonly<Record<string, string>>;
  readonly prefix: string;
  /** A key with full rights, as `X-API-Key` wants it. */
  readonly key: string;
  readonly keysFile: string;
  /** Ends edges, control-apis and the Redis it brought, in this order. */
  readonly stop: () => Promise<void>;
}

/** Starts a whole installation on this machine. When a part of it cannot be started, the rest is ended again. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  await using started = new AsyncDisposableStack();
  const prefix = options.prefix ?? `hf-${randomBytes(4).toString('hex')}:`;
  const databases = await databasesOf(options);
  started.defer(databases.stop);

  const { keysFile, key } = options.keys ?? (await createKeys(started));
  const common = { ...options.env, ...databases.env, REDIS_PREFIX: prefix, API_KEYS_FILE: keysFile };
  const controls = await startAll(started, 'control-api', options.controls ?? 1, options, (index) => ({
    ...common,
    CONTROL_PORT: portOf(options.ports?.control, index),
  }));
  const edges = await startAll(started, 'socket-edge', options.edges, options, (index) => ({
    EDGE_DRAIN_SECONDS: DRAIN_SECONDS,
    ...common,
    EDGE_PORT: portOf(options.ports?.edges, index),
  }));

  const running = started.move();
  return {
    controlUrl: controls[0]?.url ?? '',
    controlUrls: controls.map((control) => control.url),
    edgeUrls: edges.map((edge) => webSocketUrl(edge.url)),
    controls,
    edges,
    redisUrls: databases.urls,
    redisEnv: databases.env,
    prefix,
    key,
    keysFile,
    stop: () => running.disposeAsync(),
  };
}

/** Where clients connect to an edge that listens at this address. */
export function webSocketUrl(address: string): string {
  return address.replace(/^http/, 'ws');
}

async function databasesOf({ redis = 'single', announce }: InstallationOptions): Promise<Databases> {
  if (typeof redis === 'string') return bringDatabases(redis, announce);
  if ('urls' in redis) return redis;
  return { env: { REDIS_URL: redis.url }, urls: [redis.url], stop: async () => undefined };
}

/** Starts them side by side. All are awaited before one failure is passed on: what did start is then known, and ended. */
async function startAll(
  started: AsyncDisposableStack,
  app: App,
  count: number,
  { serviceEnv, onLine }: InstallationOptions,
  environmentOf: (index: number) => Record<string, string>,
): Promise<Service[]> {
  const starts = await Promise.allSettled(
    Array.from({ length: count }, async (_, index) =>
      startService({
        app,
        name: `${app === 'socket-edge' ? 'edge' : app} ${index + 1}`,
        env: { ...environmentOf(index), ...(await serviceEnv?.(app, index)) },
        ...(onLine && { onLine: (line: string) => onLine(app, index, line) }),
      }),
    ),
  );
  const services = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  started.defer(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return services;
}

async function createKeys(started: AsyncDisposableStack): Promise<{ keysFile: string; key: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-'));
  // A moment later than the processes that are using it end.
  const revokeCleanUp = exitCleanUp('sleep 1; rm -rf -- "$1"', [directory]);
  started.defer(async () => {
    await rm(directory, { recursive: true, force: true });
    revokeCleanUp();
  });
  const keysFile = join(directory, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'local', can: FULL_RIGHTS });
  return { keysFile, key };
}

function portOf(first: number | undefined, index: number): string {
  return String(first === undefined || first === 0 ? 0 : first + index);
}
