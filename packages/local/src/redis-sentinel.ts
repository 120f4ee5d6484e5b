import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis, redisInfo } from './ask-redis.ts';
import { ChildFailed, lineOf, spawnChild } from './child.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, type TlsFiles, startRedisServer } from './redis-server.ts';
import { until } from './until.ts';

/** A master that did not answer for so long is down: as short as Sentinel can tell from a pause. */
const DOWN_AFTER_MS = 1000;
const FAILOVER_TIMEOUT_MS = 10_000;
const READY_MS = 30_000;
const PORT_TRIES = 5;
const SENTINELS = 3;

export interface Sentinel {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

interface SentinelOptions {
  binary: string;
  /** The name by which it watches the master. */
  name: string;
  masterPort: number;
  /** How many must agree that the master is down. */
  quorum: number;
  /** More lines of its configuration. */
  lines?: readonly string[];
  tls?: TlsFiles;
}

/** Starts a Sentinel that watches a master on 127.0.0.1. It learns of replicas when it first asks the master. */
async function startSentinel(options: SentinelOptions): Promise<Sentinel> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(), options);
    } catch (error) {
      const lostThePort = error instanceof ChildFailed && error.message.includes('Address already in use');
      if (!lostThePort || attempt === PORT_TRIES) throw error;
    }
  }
}

async function startOn(port: number, { binary, name, masterPort, quorum, lines = [], tls }: SentinelOptions) {
  // For its configuration, which it rewrites.
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  const configuration = [
    ...portLines(port, tls),
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${name} ${FAILOVER_TIMEOUT_MS}`,
    ...lines,
  ];
  await writeFile(file, `${configuration.join('\n')}\n`);
  const child = await spawnChild({
    command: binary,
    args: [file, '--sentinel'],
    env: { PATH: process.env['PATH'] },
    cleanUp: { script: 'kill -KILL "$1"; rm -rf -- "$2"', args: [directory] },
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await child.exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await lineOf(child, 'the Sentinel', READY_MS, (line) => line.includes('+monitor master') || undefined);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

function portLines(port: number, tls: TlsFiles | undefined): string[] {
  if (tls === undefined) return [`port ${port}`];
  return [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${tls.cert}`,
    `tls-key-file ${tls.key}`,
    `tls-ca-cert-file ${tls.ca}`,
    'tls-auth-clients no',
    'tls-replication yes',
  ];
}

export interface WatchedRedis {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly Sentinel[];
  /** As REDIS_SENTINELS and REDIS_SENTINEL_NAME want it. */
  readonly env: Readonly<Record<'REDIS_SENTINELS' | 'REDIS_SENTINEL_NAME', string>>;
  /** Ends all of them and removes their directories. */
  readonly stop: () => Promise<void>;
}

export interface WatchedRedisOptions {
  binary: string;
  /** More settings of master and replica. */
  args?: readonly string[];
  /** More variables of both. */
  env?: Readonly<Record<string, string>>;
  /** More lines of the configuration of each Sentinel; `NAME` stands for the master's name. */
  sentinelLines?: readonly string[];
  tls?: TlsFiles;
  /** `user:password@`, where `args` ask for one. */
  login?: string;
}

/** Starts a master with a replica, and three Sentinels of which two must agree. */
export async function startWatchedRedis(options: WatchedRedisOptions): Promise<WatchedRedis> {
  const { binary, args = [], env = {}, sentinelLines = [], tls, login = '' } = options;
  const name = 'holdfast';
  const common = { binary, env, ...(tls === undefined ? {} : { tls }) };
  const withLogin = (url: string) => url.replace('://', `://${login}`);
  await using started = new AsyncDisposableStack();
  const master = await startRedisServer({ ...common, args });
  started.defer(() => master.stop());
  const replica = await startRedisServer({ ...common, args: [...args, '--replicaof', '127.0.0.1', `${master.port}`] });
  started.defer(() => replica.stop());
  await until('the replica follows', READY_MS, async () => {
    return (await redisInfo(withLogin(replica.url), 'master_link_status')) === 'up';
  });
  const lines = sentinelLines.map((line) => line.replace('NAME', name));
  const sentinels: Sentinel[] = [];
  for (let number = 0; number < SENTINELS; number += 1) {
    const sentinel = await startSentinel({ ...common, name, masterPort: master.port, quorum: 2, lines });
    started.defer(sentinel.stop);
    sentinels.push(sentinel);
  }
  await until('the Sentinels know each other and the replica', READY_MS, async () => {
    const known = await Promise.all(sentinels.map(({ port }) => knownBy(port, name, tls !== undefined)));
    return known.every(({ others, replicas }) => others === SENTINELS - 1 && replicas === 1);
  });
  const running = started.move();
  return {
    master,
    replica,
    sentinels,
    env: {
      REDIS_SENTINELS: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
      REDIS_SENTINEL_NAME: name,
    },
    stop: () => running.disposeAsync(),
  };
}

async function knownBy(port: number, name: string, isTls: boolean): Promise<{ others: number; replicas: number }> {
  const url = `${isTls ? 'rediss' : 'redis'}://127.0.0.1:${port}`;
  const [others, replicas] = [
    await askRedis(url, 'SENTINEL', 'SENTINELS', name),
    await askRedis(url, 'SENTINEL', 'REPLICAS', name),
  ];
  return { others: (others as unknown[]).length, replicas: (replicas as unknown[]).length };
}
