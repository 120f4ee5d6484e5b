import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { Redis } from 'ioredis';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { captureLog } from '@holdfast/service/captured-log';
import { SingleRedis } from './redis.ts';

const PATIENCE = { timeout: 15_000, interval: 10 };
const ATTEMPTS = 3;

const open: SingleRedis[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()));
});

async function start(args: string[] = []): Promise<{ server: PrivateRedis; admin: Redis }> {
  const server = await startPrivateRedis({ args });
  const admin = new Redis(server.url);
  onTestFinished(async () => {
    admin.disconnect();
    await server.stop();
  });
  return { server, admin };
}

function connect(url: string) {
  const log = captureLog();
  const link = new SingleRedis({ kind: 'single', url }, { name: 'test', logger: log.logger });
  open.push(link);
  let attempts = 0;
  link.commands.on('close', () => {
    attempts += 1;
  });
  return { link, log, attempts: () => attempts };
}

/** Tries to write, again and again, for as long as the connection takes to be refused a few times. */
async function writeMeanwhile({ link, attempts }: ReturnType<typeof connect>): Promise<void> {
  await expect
    .poll(async () => {
      await link.commands.set('written', '1').catch(() => undefined);
      return attempts();
    }, PATIENCE)
    .toBeGreaterThan(ATTEMPTS);
}

test('a database that Redis does not have: never ready, the reason is known, and nothing is written to database 0', async () => {
  const { server, admin } = await start(['--databases', '16']);
  const connection = connect(`${server.url.replace(/\/\d*$/, '')}/30`);
  await writeMeanwhile(connection);
  expect(connection.link.fault()).toMatch(
    /^Redis does not answer: database 30 of REDIS_URL cannot be used: ERR DB index/,
  );
  expect(await admin.dbsize()).toBe(0);
  expect(connection.log.linesWith('redis lost')).toMatchObject([
    { reason: expect.stringContaining('DB index is out of range') as string },
  ]);
});

test('a user who may not SELECT: the same, until he may', async () => {
  const { server, admin } = await start();
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-select');
  const connection = connect(`${server.url.replace('redis://', 'redis://app:secret@').replace(/\/\d*$/, '')}/3`);
  await writeMeanwhile(connection);
  expect(connection.link.fault()).toMatch(/database 3 of REDIS_URL cannot be used: NOPERM/);
  expect(await admin.dbsize()).toBe(0);

  await admin.call('ACL', 'SETUSER', 'app', '+select');
  await expect.poll(() => connection.link.fault(), PATIENCE).toBeNull();
  expect(await connection.link.commands.set('written', '1')).toBe('OK');
  await admin.select(3);
  expect(await admin.get('written')).toBe('1');
});

test('a database that is there is used, also after the connection was lost', async () => {
  const { server, admin } = await start();
  const { link } = connect(`${server.url.replace(/\/\d*$/, '')}/5`);
  await expect.poll(() => link.fault(), PATIENCE).toBeNull();
  await link.commands.set('a', '1');
  await admin.call('CLIENT', 'KILL', 'SKIPME', 'yes');
  await expect.poll(async () => link.commands.set('b', '2').catch(() => 'refused'), PATIENCE).toBe('OK');
  expect(await admin.dbsize()).toBe(0);
  await admin.select(5);
  expect(await admin.dbsize()).toBe(2);
});
