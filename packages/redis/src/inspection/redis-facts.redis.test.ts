import { startWatchedRedis } from '@holdfast/local/redis-sentinel';
import { captureLog } from '@holdfast/service/captured-log';
import { redisBinary, startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { expect, onTestFinished, test } from 'vitest';
import type { RedisTarget } from '../config.ts';
import { openRedis } from '../redis.ts';
import { redisFacts } from './redis-facts.ts';

/** Three servers, or five, have to start and to find each other. */
const START_MS = 60_000;
const access = { database: 0, tls: false };

async function factsOf(target: RedisTarget) {
  const log = captureLog();
  const link = openRedis(target, { name: 'test', logger: log.logger });
  onTestFinished(() => link.close());
  await link.whenReady(log);
  return redisFacts(link, target);
}

const known = (asked: { value: ReadonlyMap<string, string> } | { refused: string } | null | undefined, name: string) =>
  asked && 'value' in asked ? asked.value.get(name) : asked;

test('a server says what it is, what is set, that scripts run, and what time it is', async () => {
  const server = await startPrivateRedis({ args: ['--save', '', '--maxmemory-policy', 'noeviction'] });
  onTestFinished(server.stop);
  const { kind, fault, servers, sentinels } = await factsOf({ kind: 'single', url: server.url });
  expect({ kind, fault, sentinels }).toEqual({ kind: 'single', fault: null, sentinels: [] });
  const [facts, ...others] = servers;
  expect(others).toEqual([]);
  expect(facts).toMatchObject({ address: `127.0.0.1:${server.port}`, scriptFault: null, cluster: null });
  expect(known(facts?.info, 'maxmemory_policy')).toBe('noeviction');
  expect(known(facts?.config, 'save')).toBe('');
  expect(known(facts?.config, 'client-output-buffer-limit')).toMatch(/pubsub \d+ \d+ \d+/);
  const clock = facts && 'value' in facts.clock ? facts.clock.value : null;
  expect(Math.abs(clock?.aheadMs ?? Number.NaN)).toBeLessThan(1000);
});

test('what is not permitted says so, each by itself', async () => {
  const server = await startPrivateRedis();
  onTestFinished(server.stop);
  const admin = openRedis({ kind: 'single', url: server.url }, { name: 'test', logger: captureLog().logger });
  await admin.whenReady(captureLog());
  await admin
    .servers()[0]
    ?.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-info', '-config', '-eval');
  await admin.close();
  const { servers } = await factsOf({ kind: 'single', url: `redis://limited:secret@127.0.0.1:${server.port}` });
  const refused = { refused: expect.stringContaining('NOPERM') as string };
  expect(servers).toMatchObject([{ info: refused, config: refused, scriptFault: refused.refused }]);
  expect(servers[0]?.clock).toHaveProperty('value');
});

test('a server that does not answer is a fact as well', async () => {
  const server = await startPrivateRedis();
  const log = captureLog();
  const target = { kind: 'single', url: server.url } as const;
  const link = openRedis(target, { name: 'test', logger: log.logger });
  onTestFinished(() => link.close());
  await link.whenReady(log);
  await server.stop();
  await expect.poll(() => link.fault()).not.toBeNull();
  expect(await redisFacts(link, target)).toMatchObject({ servers: [], fault: expect.any(String) as string });
});

test(
  'each master of a Cluster says how much of it is covered',
  async () => {
    const cluster = await startPrivateCluster({ replicas: 0 });
    onTestFinished(() => cluster.stop());
    const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const { servers } = await factsOf({ kind: 'cluster', nodes, access });
    expect(servers.map(({ address }) => address).toSorted()).toEqual(
      nodes.map(({ port }) => `127.0.0.1:${port}`).toSorted(),
    );
    for (const { cluster: state } of servers) {
      expect(known(state, 'cluster_state')).toBe('ok');
      expect(known(state, 'cluster_slots_assigned')).toBe('16384');
    }
  },
  START_MS,
);

test(
  'each Sentinel says whether there is a quorum, and one that is away that it is',
  async () => {
    const watched = await startWatchedRedis({ binary: await redisBinary() });
    onTestFinished(() => watched.stop());
    const sentinels = watched.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const name = watched.env.REDIS_SENTINEL_NAME;
    const target = { kind: 'sentinel', sentinels, name, access } as const;
    const { servers, sentinels: found } = await factsOf(target);
    expect(servers).toMatchObject([{ address: `127.0.0.1:${watched.master.port}` }]);
    expect(found).toHaveLength(3);
    for (const { quorum } of found) expect(quorum).toEqual({ value: expect.stringMatching(/^OK 3 usable/) as string });
    await watched.sentinels[0]?.stop();
    const after = await factsOf(target);
    expect(after.sentinels[0]?.quorum).toEqual({ refused: expect.stringContaining('ECONNREFUSED') as string });
  },
  START_MS,
);
