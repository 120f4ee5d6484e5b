import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis } from '@holdfast/local/ask-redis';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkRedis } from './health.ts';
import { startTestApi } from '../testing/api.ts';

const SOME_CALLS = 50;

async function start({ args = [], asUser }: { args?: string[]; asUser?: string } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'readiness-'));
  const server = await startPrivateRedis({ args, directory });
  const admin = (command: string, ...rest: string[]) => askRedis(server.url, command, ...rest);
  await admin('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
  const url = asUser === undefined ? server.url : server.url.replace('redis://', `redis://${asUser}:secret@`);
  const api = await startTestApi(url);
  const stopChecking = checkRedis(api.broker, api.redis, api.health, api.log.logger);
  onTestFinished(async () => {
    stopChecking();
    await api.stop();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  await api.topics('news.a');
  const readiness = async () => {
    const { status, body } = await api.call('GET', '/readyz');
    return { status, redis: (body['checks'] as Record<string, string>)['redis'] };
  };
  await eventually(async () => expect(await readiness()).toEqual({ status: 200, redis: 'ok' }));
  return { api, admin, server, directory, readiness };
}

type Started = Awaited<ReturnType<typeof start>>;

const REFUSALS: Record<
  string,
  { reason: string; begin: (s: Started) => Promise<unknown>; end: (s: Started) => Promise<unknown> }
> = {
  'has too few replicas': {
    reason: 'NOREPLICAS Not enough good replicas to write.',
    begin: ({ admin }) => admin('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: ({ admin }) => admin('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
  'is out of memory': {
    reason: "OOM command not allowed when used memory > 'maxmemory'.",
    begin: ({ admin }) => admin('CONFIG', 'SET', 'maxmemory', '100kb'),
    end: ({ admin }) => admin('CONFIG', 'SET', 'maxmemory', '0'),
  },
  'became a replica': {
    reason: "READONLY You can't write against a read only replica.",
    begin: ({ admin }) => admin('REPLICAOF', '127.0.0.1', '1'),
    end: ({ admin }) => admin('REPLICAOF', 'NO', 'ONE'),
  },
  'cannot save to its disk': {
    reason: 'MISCONF Redis is configured to save RDB snapshots',
    begin: async ({ admin, directory }) => {
      // A directory where the snapshot should go: also root cannot write that.
      await mkdir(join(directory, 'in-the-way'));
      await admin('CONFIG', 'SET', 'dbfilename', 'in-the-way');
      await admin('CONFIG', 'SET', 'save', '3600 1');
      await admin('BGSAVE');
    },
    end: async ({ admin }) => admin('CONFIG', 'SET', 'save', ''),
  },
};

describe('a Redis that answers and takes no writes', () => {
  test.each(Object.entries(REFUSALS))(
    '%s: not ready, with its reason, which is logged once',
    async (_name, refusal) => {
      const started = await start({ args: ['--enable-protected-configs', 'yes'] });
      const { api, readiness } = started;
      await refusal.begin(started);
      await eventually(async () => {
        const { status, redis } = await readiness();
        expect(redis).toContain(`Redis refuses writes: ${refusal.reason}`);
        expect(status).toBe(503);
      });
      for (let count = 0; count < SOME_CALLS; count += 1) {
        const answer = await api.call('POST', '/v1/topics/news.a/messages', { key: 'all', raw: '1' });
        expect(answer).toBeProblem(503, 'redis-unavailable');
      }
      const warnings = api.log.lines.filter(({ level }) => level === 'warn' || level === 'error');
      expect(warnings).toMatchObject([
        { msg: 'redis refuses commands', reason: expect.stringContaining(refusal.reason) as string },
      ]);
      await refusal.end(started);
      await eventually(async () => expect(await readiness()).toEqual({ status: 200, redis: 'ok' }));
      expect(api.log.linesWith('redis takes writes again')).toHaveLength(1);
    },
  );

  test.each([['-evalsha', '-eval'], ['-xadd'], ['resetchannels'], ['resetkeys', '~other:*']])(
    'and lets its user not do what a publish does (%s): not ready, with its reason',
    async (...rules) => {
      const { admin, readiness } = await start({ asUser: 'app' });
      await admin('ACL', 'SETUSER', 'app', ...rules);
      await eventually(async () => {
        const { status, redis } = await readiness();
        expect(redis).toMatch(/^Redis refuses writes: .*(permission|can't )/i);
        expect(status).toBe(503);
      });
    },
  );
});
