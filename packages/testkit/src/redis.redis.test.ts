import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import { prefix, redisUrl } from './redis.ts';
import { startPrivateRedis } from './redis-process.ts';

const redis = new Redis(redisUrl());
afterAll(() => redis.quit());

it('the run provides a Redis that answers, and every file a prefix of its own', async () => {
  const mine = prefix();
  expect(await redis.set(`${mine}x`, '1', 'EX', 10)).toBe('OK');
  expect(await redis.exists(`${prefix()}x`)).toBe(0);
});

it('a private Redis can be frozen, thawed, killed, started again on its port, and stopped', async () => {
  const first = await startPrivateRedis();
  // Fails at once rather than waiting for an answer, and comes back by itself.
  const client = new Redis(first.url, { commandTimeout: 200, maxRetriesPerRequest: 0, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  await eventually(async () => expect(await client.ping()).toBe('PONG'));

  first.freeze();
  await expect(client.ping()).rejects.toThrow('timed out');
  first.thaw();
  await eventually(async () => expect(await client.ping()).toBe('PONG'));

  // An answer that is late on a busy machine is none that never comes.
  client.options.commandTimeout = 30_000;
  await first.kill();
  await expect(client.ping()).rejects.toThrow(/closed|max retries|ECONN/i);
  const second = await startPrivateRedis({ port: first.port });
  await eventually(async () => expect(await client.ping()).toBe('PONG'));

  second.freeze();
  await second.stop();
  await expect(client.ping()).rejects.toThrow(/closed|max retries|ECONN/i);
  client.disconnect();
});
