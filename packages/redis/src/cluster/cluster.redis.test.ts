import { askRedis } from '@holdfast/local/ask-redis';
import { type RedisCluster as LocalCluster, joinCluster, untilWhole } from '@holdfast/local/redis-cluster';
import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';
import { moveSlot, redisBinary, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CapturedLog, captureLog } from '@holdfast/service/captured-log';
import { RedisCluster } from './cluster.ts';

/** A fail-over takes some seconds, and a Cluster some to form. */
const PATIENCE = { timeout: 25_000, interval: 20 };
const START_MS = 60_000;
const SLOT_OF_A = 15_495;

function open(addresses: string, log: CapturedLog): RedisCluster {
  const nodes = addresses.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  const target = { kind: 'cluster', nodes, access: { database: 0, tls: false } } as const;
  const cluster = new RedisCluster(target, { name: 'test', logger: log.logger });
  onTestFinished(() => cluster.close());
  return cluster;
}

const address = ({ port }: { port: number }) => `127.0.0.1:${port}`;
const portOf = (redis: Redis | undefined) => redis?.options.port;

describe('a Cluster that is well', () => {
  let local: LocalCluster;
  let masters: readonly RedisServer[];
  beforeAll(async () => {
    local = await startPrivateCluster();
    masters = local.nodes.slice(0, 3);
  }, START_MS);
  afterAll(() => local.stop());

  test.each([
    ['one of its masters', () => address(local.nodes[1] ?? { port: 0 })],
    ['one of its replicas', () => address(local.nodes[4] ?? { port: 0 })],
    ['all of its nodes', () => local.addresses],
    ['a node that is away and one that is there', () => `127.0.0.1:1,${address(local.nodes[0] ?? { port: 0 })}`],
  ])('is known by %s', async (_, addresses) => {
    const log = captureLog();
    const cluster = open(addresses(), log);
    await cluster.whenReady(log);
    expect(cluster.fault()).toBeNull();
    expect(cluster.topology.masters).toEqual(new Set(masters.map(address)));
    expect(portOf(cluster.topology.masterOf(0))).toBe(masters[0]?.port);
    expect(portOf(cluster.topology.masterOf(16_383))).toBe(masters[2]?.port);
    expect(await cluster.topology.masterOf(SLOT_OF_A)?.set('a', '1')).toBe('OK');
    expect(log.lines).toEqual([]);
  });

  test('is asked by one connection to each master', async () => {
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    for (const { url } of masters) {
      const list = String(await askRedis(url, 'CLIENT', 'LIST'));
      expect(list.split('\n').filter((line) => / name=test(-\S+)? /.test(line))).toHaveLength(1);
    }
  });

  test('reports each master as ready, and later of one that was away that it is again', async () => {
    const log = captureLog();
    const cluster = open(local.addresses, log);
    const ready: [number | undefined, boolean][] = [];
    cluster.onReady((redis, again) => ready.push([portOf(redis), again]));
    await cluster.whenReady(log);
    const ports = masters.map(({ port }) => port);
    await expect.poll(() => new Set(ready.map(([port]) => port)), PATIENCE).toEqual(new Set(ports));
    expect(ready.map(([, again]) => again)).toEqual([false, false, false]);
    const [master] = masters;
    await askRedis(master?.url ?? '', 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => ready.slice(3), PATIENCE).toEqual([[master?.port, true]]);
  });

  test('that moves a slot is followed, and the slot is reported', async () => {
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    const reported: number[] = [];
    cluster.topology.onRefresh((changed) => reported.push(...changed));
    const [from, to, other] = masters;
    if (from === undefined || to === undefined || other === undefined) throw new Error('three masters');
    await moveSlot(42, from, to, [other]);
    await expect.poll(() => portOf(cluster.topology.masterOf(42)), PATIENCE).toBe(to.port);
    expect(reported).toEqual([42]);
    expect(cluster.fault()).toBeNull();
  });

  test('is followed at once when a node redirects', async () => {
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    const [, second] = masters;
    const reported: number[] = [];
    cluster.topology.onRefresh((changed) => reported.push(...changed));
    cluster.topology.moved(7, address(second ?? { port: 0 }));
    expect(portOf(cluster.topology.masterOf(7))).toBe(second?.port);
    expect(reported).toEqual([7]);
    // The nodes know better.
    await expect.poll(() => portOf(cluster.topology.masterOf(7)), PATIENCE).toBe(masters[0]?.port);
  });

  test('gives no connection to a node that is not there', async () => {
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    await expect(cluster.topology.redirected('127.0.0.1:1')).rejects.toThrow('no connection to 127.0.0.1:1');
  });
});

test(
  'a dead master is left for the replica that takes its place; a node that joins and gets slots is found',
  async () => {
    const local = await startPrivateCluster();
    onTestFinished(local.stop);
    const [first, second, third, heir] = local.nodes;
    if (first === undefined || second === undefined || third === undefined || heir === undefined)
      throw new Error('six');
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    const ready: [number | undefined, boolean][] = [];
    cluster.onReady((redis, again) => ready.push([portOf(redis), again]));
    first.kill('SIGKILL');
    await expect.poll(() => cluster.fault(), PATIENCE).toBe(`no answer from ${address(first)}`);
    await expect.poll(() => portOf(cluster.topology.masterOf(0)), PATIENCE).toBe(heir.port);
    await expect.poll(() => cluster.fault(), PATIENCE).toBeNull();
    expect(ready).toContainEqual([heir.port, true]);
    expect(log.linesWith('redis lost')).toMatchObject([{ redis: address(first) }]);

    const newcomer = await startRedisServer({ binary: await redisBinary(), busPort: 'any' });
    onTestFinished(newcomer.stop);
    await joinCluster(local.nodes.slice(1), newcomer);
    expect(cluster.topology.masters).not.toContain(address(newcomer));
    await moveSlot(16_383, third, newcomer, [second, heir]);
    await expect.poll(() => cluster.topology.masters, PATIENCE).toContain(address(newcomer));
    await moveSlot(16_383, newcomer, third, [second, heir]);
    await expect.poll(() => cluster.topology.masters, PATIENCE).not.toContain(address(newcomer));
  },
  START_MS,
);

test(
  'a frozen master is reported as without an answer, and does not hold up what is known of the others',
  async () => {
    const local = await startPrivateCluster({ replicas: 0, args: ['--cluster-node-timeout', '60000'] });
    onTestFinished(local.stop);
    const [first, second, third] = local.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three');
    const log = captureLog();
    const cluster = open(local.addresses, log);
    await cluster.whenReady(log);
    first.kill('SIGSTOP');
    await expect(cluster.topology.masterOf(0)?.get('x')).rejects.toThrow('Command timed out');
    await moveSlot(16_383, third, second);
    await expect.poll(() => portOf(cluster.topology.masterOf(16_383)), PATIENCE).toBe(second.port);
    await expect.poll(() => cluster.fault(), PATIENCE).toBe(`no answer from ${address(first)}`);
    first.kill('SIGCONT');
    await expect.poll(() => cluster.fault(), PATIENCE).toBeNull();
  },
  START_MS,
);

describe('a Cluster that is not well', () => {
  test(
    'because slots are not served is logged with the slots, once, and that they are served again',
    async () => {
      const local = await startPrivateCluster({ replicas: 0 });
      onTestFinished(local.stop);
      const log = captureLog();
      const cluster = open(local.addresses, log);
      await cluster.whenReady(log);
      const [first] = local.nodes;
      for (const { url } of local.nodes) await askRedis(url, 'CLUSTER', 'DELSLOTS', 3, 4, 5);
      await expect.poll(() => cluster.fault(), PATIENCE).toBe('no node serves slots 3-5');
      expect(cluster.topology.masterOf(4)).toBeUndefined();
      let looks = 0;
      cluster.topology.onRefresh(() => (looks += 1));
      await expect.poll(() => looks, PATIENCE).toBeGreaterThan(2);
      const logged = log.linesWith('redis cluster does not serve everything');
      expect(logged).toMatchObject([{ level: 'warn', reason: 'no node serves slots 3-5' }]);
      await askRedis(first?.url ?? '', 'CLUSTER', 'ADDSLOTS', 3, 4, 5);
      await expect.poll(() => cluster.fault(), PATIENCE).toBeNull();
      expect(log.linesWith('redis cluster serves everything again')).toHaveLength(1);
    },
    START_MS,
  );

  test(
    'because it is not there is waited for, logged once, and found when it comes',
    async () => {
      const placeholders = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
      await Promise.all(placeholders.map(({ stop }) => stop()));
      const log = captureLog();
      const cluster = open(placeholders.map(address).join(','), log);
      const waiting = cluster.whenReady({ logger: log.logger, remindMs: 20 });
      const reason = expect.stringMatching(/^no node of the Cluster answers: .*ECONNREFUSED/) as string;
      await expect
        .poll(() => log.linesWith('waiting for redis').at(-1), PATIENCE)
        .toMatchObject({ level: 'warn', reason });
      expect(log.linesWith('redis cluster does not serve everything')).toMatchObject([{ reason }]);
      expect(cluster.fault()).toEqual(reason);

      const server = await startRedisServer({
        binary: await redisBinary(),
        busPort: 'any',
        port: placeholders[1]?.port ?? 0,
      });
      onTestFinished(server.stop);
      await expect.poll(() => cluster.fault(), PATIENCE).toBe('no node serves slots 0-16383');
      await askRedis(server.url, 'CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
      await waiting;
      await untilWhole([server]);
      expect(await cluster.topology.masterOf(0)?.ping()).toBe('PONG');
      expect(log.linesWith('redis cluster serves everything again')).toHaveLength(1);
    },
    START_MS,
  );

  test('because it is a single Redis is reported as that', async () => {
    const single = await startPrivateRedis();
    onTestFinished(single.stop);
    const log = captureLog();
    const cluster = open(address(single), log);
    await expect
      .poll(() => cluster.fault(), PATIENCE)
      .toMatch(/^no node of the Cluster answers: .*cluster support disabled/);
  });

  test('is no longer waited for once it is closed, or given up', async () => {
    const log = captureLog();
    const cluster = open('127.0.0.1:1', log);
    const controller = new AbortController();
    const waiting = [cluster.whenReady({ logger: log.logger, signal: controller.signal }), cluster.whenReady(log)];
    controller.abort(new Error('stopped'));
    await expect(waiting[0]).rejects.toThrow('stopped');
    await cluster.close();
    await expect(waiting[1]).rejects.toThrow('closed');
  });
});
