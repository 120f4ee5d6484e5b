import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis, type PrivateRedis } from '@holdfast/testkit/redis-process';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { captureLog, type CapturedLog } from '@holdfast/service/captured-log';
import type { RedisTarget } from './config.ts';
import { type ConnectRedisOptions, connectRedis, waitForRedis } from './connection.ts';
import { singleSubscriber } from './subscriber.ts';

/** A fail-over takes some seconds. */
const PATIENCE = { timeout: 25_000, interval: 50 };

async function start(args: readonly string[] = []): Promise<PrivateRedis> {
  const server = await startPrivateRedis({ args });
  onTestFinished(server.stop);
  return server;
}

/** Asks a server something on a connection of its own. */
async function ask(port: number, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await redis.call(...command);
  } finally {
    redis.disconnect();
  }
}

/** A Sentinel that watches `master` under the name `main`, alone, and acts at once. */
async function startSentinel(master: PrivateRedis): Promise<{ port: number }> {
  // A port that was free a moment ago, by the way the test kit finds one.
  const placeholder = await startPrivateRedis();
  await placeholder.stop();
  const { port } = placeholder;
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor main 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 5000',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const executable = /^executable:(.*)$/m.exec(String(await ask(master.port, 'INFO', 'server')))?.[1]?.trim();
  if (executable === undefined) throw new Error('Redis does not say which program it is');
  const child = spawn(executable, [file, '--sentinel'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true });
  });
  await expect.poll(() => ask(port, 'PING').catch(String), PATIENCE).toBe('PONG');
  return { port };
}

function connect(
  sentinels: readonly { port: number }[],
  log: CapturedLog,
  role: ConnectRedisOptions['role'] = 'commands',
): Redis {
  const target: RedisTarget = {
    kind: 'sentinel',
    sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    name: 'main',
    access: { database: 0, tls: false },
  };
  const redis = connectRedis(target, { name: 'test', role, logger: log.logger });
  onTestFinished(() => redis.disconnect());
  return redis;
}

test('Sentinels lead to the master, and after its death to its heir', async () => {
  const master = await start();
  const heir = await start(['--replicaof', '127.0.0.1', String(master.port)]);
  await expect.poll(() => ask(heir.port, 'INFO', 'replication'), PATIENCE).toContain('master_link_status:up');
  const sentinel = await startSentinel(master);
  await expect
    .poll(
      () => ask(sentinel.port, 'SENTINEL', 'REPLICAS', 'main').then((replicas) => (replicas as []).length),
      PATIENCE,
    )
    .toBe(1);

  const log = captureLog();
  const redis = connect([sentinel], log);
  await waitForRedis(redis, log);
  await redis.set('a', '1');
  expect(await ask(master.port, 'GET', 'a')).toBe('1');

  await master.kill();
  await expect.poll(() => redis.set('a', '2').catch(String), PATIENCE).toBe('OK');
  expect(await ask(heir.port, 'GET', 'a')).toBe('2');
  expect(log.linesWith('redis back')).toHaveLength(1);
});

test('Sentinels that are all away are one incident, and are waited for', async () => {
  const gone = await startPrivateRedis();
  await gone.stop();
  const log = captureLog();
  const redis = connect([gone], log);
  let errors = 0;
  redis.on('error', () => {
    errors += 1;
  });
  await expect.poll(() => errors, PATIENCE).toBeGreaterThan(3);
  expect(redis.status).toBe('connecting');
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toMatchObject({ msg: 'redis lost', reason: expect.stringMatching(/Sentinels?/i) as string });
  await expect(redis.get('a')).rejects.toThrow(/writeable/);
});

test('a subscriber whose connection is to be replaced while it asks Sentinels comes back', async () => {
  const master = await start();
  const sentinel = await startSentinel(master);
  const log = captureLog();
  const redis = connect([sentinel], log, 'subscriber');
  await waitForRedis(redis, log);
  const received: string[] = [];
  const subscriber = singleSubscriber(redis, {
    name: 'own',
    channelOf: (name) => `channel:${name}`,
    watchedKey: 'watched',
    listener: {
      onMessage: (_name, payload) => received.push(payload.toString()),
      onOwn: () => undefined,
      onKeyEvent: () => undefined,
      onSubscribed: () => undefined,
      onDisconnected: () => undefined,
    },
  });
  onTestFinished(subscriber.start());
  subscriber.subscribe('news', 'news');
  const isReceived = async (text: string) => {
    await ask(master.port, 'SPUBLISH', 'news', text);
    return received.includes(text);
  };
  await expect.poll(() => isReceived('before'), PATIENCE).toBe(true);

  let askedSentinels = 0;
  redis.once('connecting', () => {
    askedSentinels += 1;
    for (const server of subscriber.servers()) subscriber.reconnect(server);
  });
  await ask(master.port, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
  await expect.poll(() => askedSentinels, PATIENCE).toBe(1);
  await expect.poll(() => isReceived('after'), PATIENCE).toBe(true);
});
