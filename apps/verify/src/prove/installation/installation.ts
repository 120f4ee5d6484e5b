import { exitCleanUp } from '@holdfast/local/exit-clean-up';
import { FULL_RIGHTS, startInstallation as start } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import type { RedisServer } from '@holdfast/local/redis-server';
import type { Service } from '@holdfast/local/services';
import type { TcpProxy } from '@holdfast/local/tcp-proxy';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TokenKey, newTokenKey } from '../authorization/token.ts';
import type { App } from '../pusher/app.ts';
import { type Databases, startDatabases } from './databases.ts';
import type { Needs } from './needs.ts';
import { type MutedChannels, Proxies } from './proxies.ts';
import type { Way } from './proxies.ts';

/** Long enough that goodbyes are spread, short enough for a suite. */
const DRAIN_SECONDS = '2';
const PREFIX = 'prove:';

/** An installation of its own, every part of which can be hurt. */
export interface Installation {
  /** The one Redis, or the first of the masters. */
  readonly redis: RedisServer;
  readonly databases: Databases;
  readonly controls: readonly Service[];
  readonly edges: readonly Service[];
  readonly controlUrls: readonly string[];
  /** Where clients connect: the edges, or the proxies before them. */
  readonly edgeUrls: readonly string[];
  readonly key: string;
  /** Null where none was asked for. */
  readonly tokenKey: TokenKey | null;
  readonly prefix: string;
  /** One an edge, one a control-api, one an edge; empty where no proxy was asked for. */
  readonly proxies: {
    readonly edgesToRedis: readonly Way[];
    readonly controlsToRedis: readonly Way[];
    readonly clientsToEdges: readonly TcpProxy[];
    /** Has the proxies that lead to the Redis on one port lead to the one on another. */
    readonly moveRedis: (from: number, to: number) => void;
  };
  /** One an edge whose way to Redis leads through a proxy. */
  readonly mutedChannels: readonly MutedChannels[];
  [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts it. When a part cannot be started, the rest is ended again. */
export async function startInstallation(binary: string, needs: Needs): Promise<Installation> {
  await using started = new AsyncDisposableStack();
  const directory = await temporaryDirectory(started);
  const databases = await startDatabases(binary, directory, needs);
  const [redis] = databases.masters;
  if (redis === undefined) throw new Error('an installation has a Redis');
  const proxies = new Proxies(started);
  const toRedis = await proxies.openAll(needs, databases);
  const tokenKey = needs.tokens ? newTokenKey() : null;
  const local = await start({
    keys: await createKeys(join(directory, 'api-keys.json'), tokenKey, needs.app),
    controls: needs.controls,
    edges: needs.edges,
    redis: databases,
    prefix: PREFIX,
    env: { EDGE_DRAIN_SECONDS: DRAIN_SECONDS, ...clockOf(needs) },
    serviceEnv: (app, index) => {
      if (app === 'control-api') return toRedis.controls[index] ?? {};
      const advertised = proxies.beforeEdges[index]?.url('ws');
      return {
        ...needs.edgeEnv,
        ...toRedis.edges[index],
        ...(advertised !== undefined && { EDGE_ADVERTISE_URL: advertised }),
      };
    },
    announce: () => undefined,
  });
  started.defer(local.stop);
  // Nothing waits for their goodbyes.
  started.defer(async () => {
    await Promise.all([...local.controls, ...local.edges].map((service) => service.crash()));
  });
  proxies.leadToEdges(local.edges);
  const before = proxies.beforeEdges.map((proxy) => proxy.url('ws'));
  const { controls, edges, controlUrls, edgeUrls, key } = local;
  const running = started.move();
  return {
    redis,
    databases,
    controls,
    edges,
    controlUrls,
    edgeUrls: before.length > 0 ? before : edgeUrls,
    key,
    tokenKey,
    prefix: PREFIX,
    proxies: {
      edgesToRedis: proxies.edgesToRedis,
      controlsToRedis: proxies.controlsToRedis,
      clientsToEdges: proxies.beforeEdges,
      moveRedis: (from, to) => proxies.move(from, to),
    },
    mutedChannels: proxies.mutedChannels,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function createKeys(
  keysFile: string,
  tokenKey: TokenKey | null,
  app: App | null,
): Promise<{ keysFile: string; key: string }> {
  const { presented: key } = await createKey(keysFile, { id: 'prove', can: FULL_RIGHTS });
  if (tokenKey !== null) {
    const { id, secret } = tokenKey;
    await createKey(keysFile, { id, can: { subscribe: ['prove.**'] }, tokens: { alg: 'HS256', secret } });
  }
  if (app !== null) await createKey(keysFile, { id: 'prove-pusher', can: {}, pusher: app });
  return { keysFile, key };
}

function clockOf({ jumpingClocks }: Needs): Record<string, string> {
  if (!jumpingClocks) return {};
  return { NODE_OPTIONS: `--import=${new URL('jumping-clock.ts', import.meta.url).href}` };
}

async function temporaryDirectory(started: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
  // A moment later than the processes that are using it end.
  const revoke = exitCleanUp('sleep 1; rm -rf -- "$1"', [directory]);
  started.defer(async () => {
    await rm(directory, { recursive: true, force: true });
    revoke();
  });
  return directory;
}
