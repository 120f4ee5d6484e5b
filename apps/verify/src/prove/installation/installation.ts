import { createKey } from '@holdfast/local/keys-file';
import { lastWill } from '@holdfast/local/last-will';
import type { TcpProxy } from '@holdfast/local/tcp-proxy';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Needs } from './needs.ts';
import { type Deafness, Proxies } from './proxies.ts';
import { type Databases, environmentFor, startDatabases } from './databases.ts';
import type { Way } from './proxy-group.ts';
import type { RedisUnderTest } from './redis-under-test.ts';
import { Service } from './service.ts';

/** Every right there is. */
const FULL_RIGHTS = { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'] };
/** Long enough that goodbyes are spread, short enough for a suite. */
const DRAIN_SECONDS = '2';
const PREFIX = 'prove:';

/** An installation of its own, every part of which can be hurt. */
export interface Installation {
  /** The one Redis, or the first of the masters. */
  readonly redis: RedisUnderTest;
  readonly databases: Databases;
  readonly controls: readonly Service[];
  readonly edges: readonly Service[];
  readonly controlUrls: readonly string[];
  /** Where clients connect: the edges, or the proxies before them. */
  readonly edgeUrls: readonly string[];
  readonly key: string;
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
  readonly deafness: readonly Deafness[];
  [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts it. When a part cannot be started, the rest is ended again. */
export async function startInstallation(binary: string, needs: Needs): Promise<Installation> {
  await using started = new AsyncDisposableStack();
  const directory = await temporaryDirectory(started);
  const keysFile = join(directory, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'prove', can: FULL_RIGHTS });
  const databases = await startDatabases(started, binary, directory, needs);
  const proxies = new Proxies(started);
  const common = { REDIS_PREFIX: PREFIX, API_KEYS_FILE: keysFile, ...clockOf(needs) };
  const { controls, edges } = await startServices(started, needs, databases, proxies, common);
  const before = proxies.beforeEdges.map((proxy) => proxy.url('ws'));
  const [redis] = databases.masters;
  if (redis === undefined) throw new Error('an installation has a Redis');
  const running = started.move();
  return {
    redis,
    databases,
    controls,
    edges,
    controlUrls: controls.map(({ url }) => url),
    edgeUrls: before.length > 0 ? before : edges.map(({ url }) => url.replace('http', 'ws')),
    key,
    prefix: PREFIX,
    proxies: {
      edgesToRedis: proxies.edgesToRedis,
      controlsToRedis: proxies.controlsToRedis,
      clientsToEdges: proxies.beforeEdges,
      moveRedis: (from, to) => proxies.move(from, to),
    },
    deafness: proxies.deafness,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Starts control-apis and edges, all at a time. */
async function startServices(
  started: AsyncDisposableStack,
  needs: Needs,
  databases: Databases,
  proxies: Proxies,
  common: Readonly<Record<string, string>>,
): Promise<{ controls: Service[]; edges: Service[] }> {
  const direct = environmentFor(databases, new Map());
  const starts: Promise<Service>[] = [];
  for (let number = 1; number <= needs.controls; number += 1) {
    const redis = needs.proxies.controlsToRedis === true ? await proxies.controlToRedis(databases) : direct;
    starts.push(Service.start(`control-api ${number}`, 'control-api', { ...common, ...redis }));
  }
  // Where the proxies before edges lead to is known when these listen.
  const targets: { port: number }[] = [];
  for (let number = 1; number <= needs.edges; number += 1) {
    const redis = needs.proxies.edgesToRedis === true ? await proxies.edgeToRedis(databases) : direct;
    const env: Record<string, string> = { ...common, EDGE_DRAIN_SECONDS: DRAIN_SECONDS, ...needs.edgeEnv, ...redis };
    if (needs.proxies.clientsToEdges === true) {
      const target = { port: 0 };
      targets.push(target);
      env['EDGE_ADVERTISE_URL'] = (await proxies.beforeEdge(target)).url('ws');
    }
    starts.push(Service.start(`edge ${number}`, 'socket-edge', env));
  }
  const services = await allStarted(started, starts);
  const edges = services.slice(needs.controls);
  for (const [index, target] of targets.entries()) target.port = Number(new URL(edges[index]?.url ?? '').port);
  return { controls: services.slice(0, needs.controls), edges };
}

function clockOf({ jumpingClocks }: Needs): Record<string, string> {
  if (!jumpingClocks) return {};
  return { NODE_OPTIONS: `--import=${new URL('jumping-clock.ts', import.meta.url).href}` };
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
