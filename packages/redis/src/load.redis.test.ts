import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisLoad } from './load.ts';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

test('the load of a Redis is its memory, its clients, and its CPU time meanwhile', async () => {
  await redis.config('SET', 'maxmemory', '300mb');
  const enough = new AbortController();
  const keepBusy = async (): Promise<number> => {
    let sent = 0;
    for (; !enough.signal.aborted; sent += 1) await redis.eval("for n = 1, 1000 do redis.call('SET', 'k', n) end", 0);
    return sent;
  };
  /** In all: CPU seconds of its main thread, and commands. */
  const totals = async () => {
    const info = await redis.info();
    const [system, user, commands] = [
      /cpu_sys_main_thread:(.*)/,
      /cpu_user_main_thread:(.*)/,
      /commands_processed:(.*)/,
    ].map((line) => Number(line.exec(info)?.[1]));
    return { at: performance.now() / 1000, cpu: (system ?? 0) + (user ?? 0), commands: commands ?? 0 };
  };
  const before = await totals();
  const [load, sent] = await Promise.all([redisLoad(redis).finally(() => enough.abort()), keepBusy()]);
  expect(load).toMatchObject({ maxBytes: 300 * 1024 * 1024, connectedClients: 1, maxClients: expect.any(Number) });
  expect(load?.usedBytes).toBeGreaterThan(500_000);
  // What it had of the machine, measured from further out.
  const after = await totals();
  const seconds = after.at - before.at;
  expect(load?.cpu).toBeGreaterThan((after.cpu - before.cpu) / seconds / 4);
  expect(load?.cpu).toBeLessThanOrEqual(1.1);
  expect(sent).toBeGreaterThan(0);
  expect(after.commands - before.commands).toBeGreaterThan(1000 * sent);
  expect(load?.commandsPerSecond).toBeGreaterThan((after.commands - before.commands) / seconds / 4);
});

test('without maxmemory there is no bound to tell', async () => {
  await redis.config('SET', 'maxmemory', '0');
  expect(await redisLoad(redis, 1)).toMatchObject({ maxBytes: null });
});

test('where INFO is not allowed nothing is known', async () => {
  await redis.call('ACL', 'SETUSER', 'blind', 'on', '>secret', '+@all', '-info');
  const blind = new Redis(server.url, { username: 'blind', password: 'secret', enableReadyCheck: false });
  expect(await redisLoad(blind)).toBeNull();
  blind.disconnect();
});

test('a Redis that does not answer is no answer', async () => {
  const gone = new Redis(server.url, { lazyConnect: true, enableOfflineQueue: false });
  await expect(redisLoad(gone)).rejects.toThrow(/writeable/);
  gone.disconnect();
});
