import { createKey } from '@holdfast/local/keys-file';
import { lastWill } from '@holdfast/local/last-will';
import { type Target, type TcpProxy, startTcpProxy } from '@holdfast/local/tcp-proxy';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deafFilter } from './deaf-filter.ts';
import { RedisUnderTest } from './redis-under-test.ts';
import { startSentinel } from './sentinel.ts';
import { Service } from './service.ts';

const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

/** Every right there is. */
const FULL_RIGHTS = { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'] };
/** Long enough that goodbyes are spread, short enough for a suite. */
const DRAIN_SECONDS = '2';

export interface Needs {
  controls: number;
  edges: number;
  /** Whether Redis keeps its data on disk, synced with every write. */
  aof: boolean;
  /** A replica of Redis, and a Sentinel that makes it the master when the first one is gone. */
  sentinel: boolean;
  edgeEnv: Readonly<Record<string, string>>;
  /** The clocks of services jump by an hour when they get SIGUSR2. */
  jumpingClocks: boolean;
  /** Puts a proxy of the suite's own between … */
  proxies: { edgesToRedis?: boolean; controlsToRedis?: boolean; clientsToEdges?: boolean };
}

export const ordinaryNeeds: Needs = {
  controls: 2,
  edges: 3,
  aof: false,
  sentinel: false,
  edgeEnv: {},
  jumpingClocks: false,
  proxies: {},
};

/** An installation of its own, every part of which can be hurt. */
export interface Installation {
  readonly redis: RedisUnderTest;
  /** When a Sentinel was asked for. */
  readonly replica: RedisUnderTest | null;
  readonly controls: readonly Service[];
  readonly edges: readonly Service[];
  readonly controlUrls: readonly string[];
  /** Where clients connect: the edges, or the proxies before them. */
  readonly edgeUrls: readonly string[];
  readonly key: string;
  readonly prefix: string;
  /** One an edge, one a control-api, one an edge; empty where no proxy was asked for. */
  readonly proxies: { edgesToRedis: TcpProxy[]; controlsToRedis: TcpProxy[]; clientsToEdges: TcpProxy[] };
  /** One an edge whose way to Redis leads through a proxy: channels of which it hears nothing, and how much it missed. */
  readonly deafness: Deafness[];
  [Symbol.asyncDispose]: () => Promise<void>;
}

export interface Deafness {
  readonly channels: Set<string>;
  dropped: number;
}

/** Starts it. When a part cannot be started, the rest is ended again. */
export async function startInstallation(binary: string, needs: Needs): Promise<Installation> {
  await using started = new AsyncDisposableStack();
  const directory = await temporaryDirectory(started);
  const keysFile = join(directory, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'prove', can: FULL_RIGHTS });
  const persistence = needs.aof ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const openRedis = async (name: string, args: readonly string[]): Promise<RedisUnderTest> => {
    const home = join(directory, name);
    await mkdir(home);
    const server = await RedisUnderTest.start({ binary, directory: home, args });
    started.defer(() => server.stop());
    return server;
  };
  const redis = await openRedis('redis', persistence);
  const watched = needs.sentinel ? await watchedBySentinel(started, binary, directory, redis, openRedis) : null;

  const proxies: Installation['proxies'] = { edgesToRedis: [], controlsToRedis: [], clientsToEdges: [] };
  const deafness: Deafness[] = [];
  const openProxy = async (to: Target): Promise<TcpProxy> => {
    const proxy = await startTcpProxy(to);
    started.defer(proxy.stop);
    return proxy;
  };
  const prefix = 'prove:';
  const common = {
    REDIS_PREFIX: prefix,
    API_KEYS_FILE: keysFile,
    ...(needs.jumpingClocks ? { NODE_OPTIONS: `--import=${new URL('jumping-clock.ts', import.meta.url).href}` } : {}),
  };
  const redisEnv = async (into: TcpProxy[] | null, rewrite?: Target['rewrite']): Promise<Record<string, string>> => {
    if (watched !== null) return watched.env;
    if (into === null) return { REDIS_URL: redis.url };
    const proxy = await openProxy({ port: redis.port, ...(rewrite === undefined ? {} : { rewrite }) });
    into.push(proxy);
    return { REDIS_URL: proxy.url('redis') };
  };

  const starts: Promise<Service>[] = [];
  for (let number = 1; number <= needs.controls; number += 1) {
    const into = needs.proxies.controlsToRedis === true ? proxies.controlsToRedis : null;
    const env = { ...common, ...(await redisEnv(into)) };
    starts.push(Service.start(`control-api ${number}`, 'control-api', env));
  }
  // Where the proxies before edges lead to is known when these listen.
  const targets: { port: number }[] = [];
  for (let number = 1; number <= needs.edges; number += 1) {
    const into = needs.proxies.edgesToRedis === true ? proxies.edgesToRedis : null;
    const deaf: Deafness = { channels: new Set(), dropped: 0 };
    if (into !== null) deafness.push(deaf);
    const env: Record<string, string> = {
      ...common,
      EDGE_DRAIN_SECONDS: DRAIN_SECONDS,
      ...needs.edgeEnv,
      ...(await redisEnv(into, () => filterFor(deaf))),
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
    replica: watched?.replica ?? null,
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
    deafness,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function filterFor(deaf: Deafness): (bytes: Buffer) => Buffer {
  return deafFilter(
    (channel) => deaf.channels.has(channel),
    () => {
      deaf.dropped += 1;
    },
  );
}

/** Gives the master a replica and a Sentinel, and what services are told instead of its URL. */
async function watchedBySentinel(
  started: AsyncDisposableStack,
  binary: string,
  directory: string,
  master: RedisUnderTest,
  openRedis: (name: string, args: readonly string[]) => Promise<RedisUnderTest>,
): Promise<{ replica: RedisUnderTest; env: Record<string, string> }> {
  const replica = await openRedis('replica', ['--replicaof', '127.0.0.1', String(master.port)]);
  await eventually('the replica follows', async () => (await replica.info('master_link_status')) === 'up');
  // Only now: it learns of replicas when it first asks the master.
  const sentinel = await startSentinel(binary, directory, master.port);
  started.defer(sentinel.stop);
  const env = { REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`, REDIS_SENTINEL_NAME: sentinel.name };
  return { replica, env };
}

async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what}, not within ${PATIENCE_MS / 1000} s`);
    await delay(LOOK_MS);
  }
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
