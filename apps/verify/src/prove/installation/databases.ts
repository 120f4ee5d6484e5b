import { askRedis } from '@holdfast/local/ask-redis';
import { formCluster } from '@holdfast/local/redis-cluster';
import type { RedisKind } from '@holdfast/local/redis-kind';
import { startSentinel } from '@holdfast/local/redis-sentinel';
import { until } from '@holdfast/local/until';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Needs } from './needs.ts';
import { type ShiftedClock, shiftedClock } from './shifted-clock.ts';
import { RedisUnderTest } from './redis-under-test.ts';

const PATIENCE_MS = 30_000;
const MASTERS = 3;
const SENTINELS = 3;
const SENTINEL_NAME = 'prove';

/** The Redis of an installation. */
export interface Databases {
  readonly kind: RedisKind;
  /** The redis-server that runs. */
  readonly binary: string;
  /** Those that hold the data at first: the one, or the masters. */
  readonly masters: readonly RedisUnderTest[];
  /** One for each master, in the same order; none of a single Redis. */
  readonly replicas: readonly RedisUnderTest[];
  readonly sentinelPorts: readonly number[];
  /** Where the clock of the one Redis can be set: null elsewhere. */
  readonly clock: ShiftedClock | null;
  /** Starts one more server, of a Cluster that it does not belong to yet. */
  readonly startAnother: () => Promise<RedisUnderTest>;
}

/** Starts the Redis that a run is about, or that a fault needs. */
export async function startDatabases(
  started: AsyncDisposableStack,
  binary: string,
  directory: string,
  needs: Needs,
): Promise<Databases> {
  const kind = needs.redis;
  // Takes more after `started` has been handed on.
  const servers = started.use(new AsyncDisposableStack());
  let opened = 0;
  const clock = needs.redisClock ? await shiftedClock(directory) : null;
  const open = async (args: readonly string[] = []): Promise<RedisUnderTest> => {
    const home = join(directory, `redis-${(opened += 1)}`);
    await mkdir(home);
    const isNode = kind === 'cluster';
    const server = await RedisUnderTest.start({
      binary,
      directory: home,
      args,
      isNode,
      ...(clock && { env: clock.env }),
    });
    servers.defer(() => server.stop());
    return server;
  };
  const startAnother = () => open();
  const aof = needs.aof ? ['--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0'] : [];
  if (kind === 'single')
    return { kind, binary, masters: [await open(aof)], replicas: [], sentinelPorts: [], clock, startAnother };
  if (kind === 'cluster') {
    const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, () => open()));
    const [masters, replicas] = [nodes.slice(0, MASTERS), nodes.slice(MASTERS)];
    await formCluster(masters, replicas);
    return { kind, binary, masters, replicas, sentinelPorts: [], clock, startAnother };
  }
  const master = await open(aof);
  const replica = await open(['--replicaof', '127.0.0.1', String(master.port)]);
  await until('the replica follows', PATIENCE_MS, async () => (await replica.info('master_link_status')) === 'up');
  const sentinelPorts: number[] = [];
  for (let number = 0; number < SENTINELS; number += 1) {
    const watching = { binary, name: SENTINEL_NAME, masterPort: master.port, quorum: 2 };
    const sentinel = await startSentinel(watching);
    started.defer(sentinel.stop);
    sentinelPorts.push(sentinel.port);
  }
  return { kind, binary, masters: [master], replicas: [replica], sentinelPorts, clock, startAnother };
}

/** Whether those who lead to the master lead to this one; in a Cluster it says so itself. */
export async function isNamedMaster({ sentinelPorts }: Databases, server: RedisUnderTest): Promise<boolean> {
  if ((await server.info('role')) !== 'master') return false;
  const named = sentinelPorts.map((sentinel) =>
    askRedis(`redis://127.0.0.1:${sentinel}`, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SENTINEL_NAME),
  );
  return (await Promise.all(named)).every((address) => (address as string[])[1] === String(server.port));
}

/** How a service finds it, by these ports in place of the servers' own. */
export function environmentFor(databases: Databases, ports: ReadonlyMap<number, number>): Record<string, string> {
  const { kind, masters, replicas, sentinelPorts } = databases;
  const addressOf = (port: number) => `127.0.0.1:${ports.get(port) ?? port}`;
  const [first] = masters;
  if (first === undefined) throw new Error('an installation has a Redis');
  if (kind === 'single') return { REDIS_URL: `redis://${addressOf(first.port)}` };
  if (kind === 'sentinel') {
    return { REDIS_SENTINELS: sentinelPorts.map(addressOf).join(','), REDIS_SENTINEL_NAME: SENTINEL_NAME };
  }
  return { REDIS_CLUSTER_NODES: [...masters, ...replicas].map(({ port }) => addressOf(port)).join(',') };
}
