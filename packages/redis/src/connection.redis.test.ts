import { startPrivateRedis, type PrivateRedis } from '@holdfast/testkit/redis-process';
import { startTcpProxy } from '@holdfast/local/tcp-proxy';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { captureLog, type CapturedLog } from '@holdfast/service/captured-log';
import { closeRedis, connectRedis, waitForRedis, type ConnectRedisOptions } from './connection.ts';

/** Covers the longest wait between two attempts, the time-outs of commands, and a busy machine. */
const PATIENCE = { timeout: 15_000, interval: 10 };

const open: Redis[] = [];
afterEach(() => {
  for (const redis of open.splice(0)) redis.disconnect();
});

function connect(url: string, log: CapturedLog, options: Partial<ConnectRedisOptions> = {}): Redis {
  const redis = connectRedis(
    { kind: 'single', url },
    { name: 'test', role: 'commands', logger: log.logger, ...options },
  );
  open.push(redis);
  return redis;
}

async function start(options: { port?: number; args?: string[] } = {}): Promise<PrivateRedis> {
  const server = await startPrivateRedis(options);
  onTestFinished(server.stop);
  return server;
}

/** A Redis of the test's own with a connection that is ready. */
async function connected(): Promise<{ server: PrivateRedis; redis: Redis; log: CapturedLog }> {
  const server = await start();
  const log = captureLog();
  const redis = connect(server.url, log);
  await waitForRedis(redis, log);
  return { server, redis, log };
}

async function untilReady(redis: Redis): Promise<void> {
  await expect.poll(() => redis.status, PATIENCE).toBe('ready');
}

/** Where nothing listens, but a Redis may be started. */
async function freePort(): Promise<number> {
  const server = await startPrivateRedis();
  await server.stop();
  return server.port;
}

describe('while Redis is down', () => {
  test('every command is rejected, and works again when it is back', async () => {
    const { server, redis, log } = await connected();
    await redis.set('a', '1');
    await server.kill();
    await expect.poll(() => redis.status, PATIENCE).toBe('reconnecting');
    const attempts = [redis.get('a'), redis.incr('n'), redis.eval('return 1', 0), redis.getBuffer('a')];
    for (const result of await Promise.allSettled(attempts)) expect(result.status).toBe('rejected');

    await start({ port: server.port });
    await untilReady(redis);
    // What was refused is not done later.
    expect(await redis.exists('n')).toBe(0);
    expect(await redis.set('a', '2')).toBe('OK');
    expect(log.linesWith('redis back')).toHaveLength(1);
  });

  test('the loss and the return are logged once each, whatever was tried in between', async () => {
    const { server, redis, log } = await connected();
    expect(log.lines).toEqual([]);
    await server.kill();
    let attempts = 0;
    redis.on('reconnecting', () => {
      attempts += 1;
    });
    await expect.poll(() => attempts, PATIENCE).toBeGreaterThan(3);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      msg: 'redis lost',
      connection: 'test',
      redis: server.url,
      reason: expect.stringMatching(/./) as string,
    });
    await start({ port: server.port });
    await expect.poll(() => log.lines.length, PATIENCE).toBe(2);
    expect(log.lines[1]).toMatchObject({ level: 'info', msg: 'redis back', connection: 'test' });
    expect(log.lines[1]?.['downtimeMs']).toBeGreaterThan(0);
  });
});

describe('nothing is sent twice', () => {
  const COMMANDS = 100;

  test('not what was under way when the connection broke', async () => {
    const { server, redis, log } = await connected();
    // Frozen, Redis has the commands in its socket and answers none; when it goes on, it runs each of them.
    server.freeze();
    const underWay = Promise.allSettled(
      Array.from({ length: COMMANDS }, (_, index) => (index % 2 === 0 ? redis.incr('n') : redis.call('INCR', 'n'))),
    );
    await new Promise((sent) => setImmediate(sent));
    redis.disconnect(true);
    for (const { status } of await underWay) expect(status).toBe('rejected');
    server.thaw();
    await expect.poll(() => log.linesWith('redis back').length, PATIENCE).toBe(1);
    expect(await redis.get('n')).toBe(String(COMMANDS));
  });

  test('under cuts, what was confirmed is there and what was not is there at most once', async () => {
    const server = await start();
    const proxy = await startTcpProxy({ port: server.port });
    onTestFinished(proxy.stop);
    const log = captureLog();
    const redis = connect(proxy.url('redis'), log);
    await waitForRedis(redis, log);
    const confirmed: number[] = [];
    let value = 0;
    const addMany = (): Promise<unknown> =>
      Promise.allSettled(
        Array.from({ length: COMMANDS }, async () => {
          const mine = (value += 1);
          await redis.rpush('list', mine);
          confirmed.push(mine);
        }),
      );
    await addMany();
    for (let cuts = 1; cuts <= 5; cuts += 1) {
      const adding = addMany();
      // The pipeline is written in the next turn, so the cut meets it on its way or just after.
      await new Promise((turn) => setImmediate(turn));
      proxy.cut();
      await adding;
      await expect.poll(() => log.linesWith('redis back').length, PATIENCE).toBe(cuts);
    }
    await redis.ping();
    const stored = (await redis.lrange('list', 0, -1)).map(Number);
    expect(confirmed.length).toBeGreaterThanOrEqual(COMMANDS);
    expect(new Set(stored).size).toBe(stored.length);
    expect(confirmed.filter((mine) => !stored.includes(mine))).toEqual([]);
  });
});

describe('a Redis that does not answer', () => {
  test('has its commands rejected and its connection replaced', async () => {
    const { server, redis, log } = await connected();
    server.freeze();
    await expect(redis.get('a')).rejects.toThrow('Command timed out');
    await expect.poll(() => log.linesWith('redis lost').length, PATIENCE).toBe(1);
    server.thaw();
    await untilReady(redis);
    expect(await redis.set('a', '1')).toBe('OK');
  });

  test('because the network fell silent is noticed too', async () => {
    const server = await start();
    const proxy = await startTcpProxy({ port: server.port });
    onTestFinished(proxy.stop);
    const log = captureLog();
    const redis = connect(proxy.url('redis'), log);
    await waitForRedis(redis, log);
    proxy.blackHole();
    await expect(redis.get('a')).rejects.toThrow(/Command timed out|closed|maxRetries/i);
    await expect.poll(() => log.linesWith('redis lost')[0]?.['reason'], PATIENCE).toMatch(/Socket timeout/);
    proxy.heal();
    proxy.cut();
    await untilReady(redis);
    expect(await redis.set('a', '1')).toBe('OK');
  });
});

describe('commands of one moment share a pipeline', () => {
  const ECHO = 'return ARGV[1]';

  test('and each gets its own answer, with scripts among them', async () => {
    const { redis } = await connected();
    const sha = (await redis.script('LOAD', ECHO)) as string;
    const answers = [
      redis.evalsha(sha, 0, 'text'),
      redis.getBuffer('missing'),
      redis.call('EVALSHA', sha, 0, 'text'),
      redis.incr('n'),
    ];
    expect(redis.autoPipelineQueueSize).toBe(answers.length);
    expect(await Promise.all(answers)).toEqual(['text', null, 'text', 1]);
  });

  test('and one that fails fails alone', async () => {
    const { redis } = await connected();
    const [number, missing, list, last] = await Promise.allSettled([
      redis.incr('n'),
      redis.evalsha('0'.repeat(40), 0),
      redis.lpush('n', 'x'),
      redis.incr('n'),
    ]);
    expect([number, last]).toMatchObject([{ value: 1 }, { value: 2 }]);
    expect(missing).toMatchObject({ reason: { message: expect.stringMatching(/^NOSCRIPT/) as string } });
    expect(list).toMatchObject({ reason: { message: expect.stringMatching(/^WRONGTYPE/) as string } });
  });
});

test('a subscriber comes back without its subscriptions, for their owner to renew', async () => {
  const { server, redis: commands, log } = await connected();
  const subscriber = connect(server.url, log, { name: 'ears', role: 'subscriber' });
  await waitForRedis(subscriber, log);
  const subscribers = async (): Promise<unknown> =>
    ((await commands.call('PUBSUB', 'SHARDNUMSUB', 'c')) as unknown[])[1];
  await subscriber.ssubscribe('c');
  expect(await subscribers()).toBe(1);

  const again = new Promise<void>((ready) => subscriber.once('ready', () => ready()));
  await commands.client('KILL', 'TYPE', 'PUBSUB');
  await again;
  // A round trip on the same connection: what it had sent by itself at "ready" would have arrived before.
  await subscriber.ping();
  expect(await subscribers()).toBe(0);
  const received = new Promise((resolve) => subscriber.once('smessage', (_channel, message) => resolve(message)));
  await subscriber.ssubscribe('c');
  await commands.spublish('c', 'hello');
  expect(await received).toBe('hello');
});

test('a master that became a replica is left for the one that has its place', async () => {
  const { redis, server, log } = await connected();
  const operator = connect(server.url, captureLog());
  await waitForRedis(operator, log);
  await operator.replicaof('127.0.0.1', server.port === 1 ? 2 : 1);
  await expect(redis.set('a', '1')).rejects.toThrow('READONLY');
  // The connection is opened anew, for its name may lead elsewhere by now; of the incident there is one line.
  let reconnections = 0;
  redis.on('reconnecting', () => (reconnections += 1));
  await expect
    .poll(async () => {
      await redis.set('a', '1').catch(() => undefined);
      return reconnections;
    }, PATIENCE)
    .toBeGreaterThan(1);
  expect(log.lines).toMatchObject([
    { level: 'warn', msg: 'redis refuses commands', reason: "READONLY You can't write against a read only replica." },
  ]);
  await operator.replicaof('NO', 'ONE');
  await untilReady(redis);
  expect(await redis.set('a', '1')).toBe('OK');
});

describe('at the start', () => {
  test('a Redis that is down is waited for, and that is said, and said again', async () => {
    const port = await freePort();
    const log = captureLog();
    const redis = connect(`redis://127.0.0.1:${port}`, log);
    const waiting = waitForRedis(redis, { logger: log.logger, remindMs: 20 });
    await expect.poll(() => log.linesWith('waiting for redis').length, PATIENCE).toBeGreaterThan(2);
    expect(log.linesWith('waiting for redis')[0]).toMatchObject({
      level: 'warn',
      reason: expect.stringMatching(/ECONNREFUSED/) as string,
    });
    expect(log.linesWith('redis lost')).toHaveLength(1);
    await start({ port });
    await waiting;
    expect(await redis.ping()).toBe('PONG');
  });

  test('it is logged once where it is not reminded', async () => {
    const log = captureLog();
    const redis = connect(`redis://127.0.0.1:${await freePort()}`, log);
    let attempts = 0;
    redis.on('reconnecting', () => {
      attempts += 1;
    });
    const waiting = waitForRedis(redis, log);
    await expect.poll(() => attempts, PATIENCE).toBeGreaterThan(3);
    expect(log.lines.map(({ msg }) => msg)).toEqual(['redis lost', 'waiting for redis']);
    redis.disconnect();
    redis.emit('end');
    await expect(waiting).rejects.toThrow('closed while waiting');
  });

  test('the waiting ends with the abort', async () => {
    const log = captureLog();
    const redis = connect(`redis://127.0.0.1:${await freePort()}`, log);
    const controller = new AbortController();
    const waiting = waitForRedis(redis, { logger: log.logger, signal: controller.signal });
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(waitForRedis(redis, { logger: log.logger, signal: controller.signal })).rejects.toThrow('stopped');
  });

  test('a wrong password is reported, but not shown', async () => {
    const server = await start({ args: ['--requirepass', 'right'] });
    const log = captureLog();
    const redis = connect(`redis://:hunter2@127.0.0.1:${server.port}`, log);
    void waitForRedis(redis, log).catch(() => undefined);
    await expect.poll(() => log.linesWith('waiting for redis').length, PATIENCE).toBe(1);
    expect(log.linesWith('redis lost')[0]).toMatchObject({ reason: expect.stringMatching(/WRONGPASS/) as string });
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');

    const right = connect(`redis://:right@127.0.0.1:${server.port}/3`, captureLog());
    await waitForRedis(right, log);
    expect(await right.client('INFO')).toMatch(/ name=test .* db=3 /);
  });
});

describe('closing', () => {
  test('is no incident, and waits for what is under way', async () => {
    const { redis, log } = await connected();
    const answer = redis.incr('n');
    await closeRedis(redis);
    expect(await answer).toBe(1);
    await expect.poll(() => redis.status, PATIENCE).toBe('end');
    await expect(redis.get('n')).rejects.toThrow(/closed|writeable/);
    expect(log.lines).toEqual([]);
  });

  test('does not fail while Redis is away', async () => {
    const { server, redis } = await connected();
    await server.kill();
    await expect.poll(() => redis.status, PATIENCE).toBe('reconnecting');
    await closeRedis(redis);
    await start({ port: server.port });
    await expect(redis.get('n')).rejects.toThrow(/closed|writeable/);
  });
});
