import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { askRedis, redisInfo } from './ask-redis.ts';
import { isAlive } from './is-alive.ts';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { startWatchedRedis } from './redis-sentinel.ts';
import { usableProgram } from './redis.ts';

const here = await usableProgram(process.env['PATH']);
const START_MS = 60_000;
const WAIT = { timeout: 30_000, interval: 50 };

const directoryOf = async (url: string) => String(((await askRedis(url, 'CONFIG', 'GET', 'dir')) as unknown[])[1]);
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe.skipIf('missing' in here)('a Cluster on this machine', () => {
  const binary = 'program' in here ? here.program : '';

  it(
    'has three masters that serve all slots, a replica of each, and leaves nothing behind',
    async () => {
      const cluster: RedisCluster = await startRedisCluster({ binary });
      onTestFinished(cluster.stop);
      expect(cluster.addresses.split(',')).toHaveLength(6);
      const directories: string[] = [];
      for (const [index, { url }] of cluster.nodes.entries()) {
        const info = String(await askRedis(url, 'CLUSTER', 'INFO'));
        expect(info).toMatch(/^cluster_state:ok[^]*cluster_slots_ok:16384[^]*cluster_known_nodes:6/m);
        expect(await redisInfo(url, 'role')).toBe(index < 3 ? 'master' : 'slave');
        directories.push(await directoryOf(url));
      }
      await cluster.stop();
      for (const { pid } of cluster.nodes) expect(isAlive(pid)).toBe(false);
      for (const directory of directories) expect(await isThere(directory)).toBe(false);
    },
    START_MS,
  );

  it(
    'ends with whoever started it, also when that is killed',
    async () => {
      const script = `
        import { startRedisCluster } from ${JSON.stringify(new URL('redis-cluster.ts', import.meta.url).href)};
        const { nodes } = await startRedisCluster({ binary: ${JSON.stringify(binary)}, replicas: 0 });
        console.log(JSON.stringify(nodes.map(({ pid }) => pid)));
        setInterval(() => {}, 1000);`;
      const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
      const pids = JSON.parse(line) as number[];
      expect(pids.map(isAlive)).toEqual([true, true, true]);
      parent.kill('SIGKILL');
      await vi.waitUntil(() => !pids.some(isAlive), WAIT);
    },
    START_MS,
  );

  it('is not there by half: when it cannot be formed, its nodes are ended', async () => {
    const args = ['--requirepass', 'not-presented'];
    await expect(startRedisCluster({ binary, replicas: 0, args })).rejects.toThrow(/NOAUTH/);
  });

  it(
    'of Sentinels three agree on one master, which has a replica',
    async () => {
      const watched = await startWatchedRedis({ binary });
      onTestFinished(watched.stop);
      for (const { port } of watched.sentinels) {
        const url = `redis://127.0.0.1:${port}`;
        const name = watched.env.REDIS_SENTINEL_NAME;
        expect(await askRedis(url, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)).toEqual([
          '127.0.0.1',
          String(watched.master.port),
        ]);
      }
      expect(await redisInfo(watched.replica.url, 'role')).toBe('slave');
      await watched.stop();
      expect([watched.master, watched.replica].some(({ pid }) => isAlive(pid))).toBe(false);
    },
    START_MS,
  );
});
