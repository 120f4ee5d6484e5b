import { createKey } from '@holdfast/local/keys-file';
import { lastWill } from '@holdfast/local/last-will';
import { type TcpProxy, startTcpProxy } from '@holdfast/local/tcp-proxy';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisUnderTest } from './redis-under-test.ts';
import { Service } from './service.ts';

/** Every right there is. */
const FULL_RIGHTS = { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'] };
/** Long enough that goodbyes are spread, short enough for a suite. */
const DRAIN_SECONDS = '2';

export interface Needs {
  controls: number;
  edges: number;
  /** Whether Redis keeps its data on disk, synced with every write. */
  aof: boolean;
  redisArgs: readonly string[];
  edgeEnv: Readonly<Record<string, string>>;
  /** Puts a proxy of the suite's own between … */
  proxies: { edgesToRedis?: boolean; controlsToRedis?: boolean; clientsToEdges?: boolean };
}

export const ordinaryNeeds: Needs = {
  controls: 2,
  edges: 3,
  aof: false,
  redisArgs: [],
  edgeEnv: {},
  proxies: {},
};

/** An installation of its own, every part of which can be hurt. */
export interface Installation {
  readonly redis: RedisUnderTest;
  readonly controls: readonly Service[];
  readonly edges: readonly Service[];
  readonly controlUrls: readonly string[];
  /** Where clients connect: the edges, or the proxies before them. */
  readonly edgeUrls: readonly string[];
  readonly key: string;
  readonly prefix: string;
  /** One an edge, one a control-api, one an edge; empty where no proxy was asked for. */
  readonly proxies: { edgesToRedis: TcpProxy[]; controlsToRedis: TcpProxy[]; clientsToEdges: TcpProxy[] };
  [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts it. When a part cannot be started, the rest is ended again. */
export async function startInstallation(binary: string, needs: Needs): Promise<Installation> {
  await using started = new AsyncDisposableStack();
  const directory = await temporaryDirectory(started);
  const keysFile = join(directory, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'prove', can: FULL_RIGHTS });
  const redisDirectory = join(directory, 'redis');
  await mkdir(redisDirectory);
  const persistence = needs.aof ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const redis = await RedisUnderTest.start({
    binary,
    directory: redisDirectory,
    args: [...persistence, ...needs.redisArgs],
  });
  started.defer(() => redis.stop());

  const proxies: Installation['proxies'] = { edgesToRedis: [], controlsToRedis: [], clientsToEdges: [] };
  const openProxy = async (to: { port: number }): Promise<TcpProxy> => {
    const proxy = await startTcpProxy(to);
    started.defer(proxy.stop);
    return proxy;
  };
  const prefix = 'prove:';
  const common = { REDIS_PREFIX: prefix, API_KEYS_FILE: keysFile };
  const redisUrl = async (through: boolean | undefined, into: TcpProxy[]): Promise<string> => {
    if (through !== true) return redis.url;
    const proxy = await openProxy({ port: redis.port });
    into.push(proxy);
    return proxy.url('redis');
  };

  const starts: Promise<Service>[] = [];
  for (let number = 1; number <= needs.controls; number += 1) {
    const env = { ...common, REDIS_URL: await redisUrl(needs.proxies.controlsToRedis, proxies.controlsToRedis) };
    starts.push(Service.start(`control-api ${number}`, 'control-api', env));
  }
  // Where the proxies before edges lead to is known when these listen.
  const targets: { port: number }[] = [];
  for (let number = 1; number <= needs.edges; number += 1) {
    const env: Record<string, string> = {
      ...common,
      EDGE_DRAIN_SECONDS: DRAIN_SECONDS,
      ...needs.edgeEnv,
      REDIS_URL: await redisUrl(needs.proxies.edgesToRedis, proxies.edgesToRedis),
    };
    if (needs.proxies.clientsToEdges === true) {
      const target = { port: 0 };
      const proxy = await openProxy(target);
      targets.push(target);
      proxies.clientsToEdges.push(proxy);
      env['EDGE_ADVERTISE_URL'] = proxy.url('ws');
    }
    starts.push(Service.start(`edge ${number}`, 'socket-edge', env));
  }
  const services = await allStarted(started, starts);
  const controls = services.slice(0, needs.controls);
  const edges = services.slice(needs.controls);
  for (const [index, target] of targets.entries()) target.port = Number(new URL(edges[index]?.url ?? '').port);

  const running = started.move();
  return {
    redis,
    controls,
    edges,
    controlUrls: controls.map(({ url }) => url),
    edgeUrls:
      proxies.clientsToEdges.length > 0
        ? proxies.clientsToEdges.map((proxy) => proxy.url('ws'))
        : edges.map(({ url }) => url.replace('http', 'ws')),
    key,
    prefix,
    proxies,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function temporaryDirectory(started: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
  // A moment later than the processes that are using it end.
  const revokeWill = lastWill('sleep 1; rm -rf -- "$1"', [directory]);
  started.defer(async () => {
    await rm(directory, { recursive: true, force: true });
    revokeWill();
  });
  return directory;
}

/** All are awaited before one failure is passed on: what did start is then known, and ended. */
async function allStarted(started: AsyncDisposableStack, starts: readonly Promise<Service>[]): Promise<Service[]> {
  const outcomes = await Promise.allSettled(starts);
  const services = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  started.defer(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return services;
}
