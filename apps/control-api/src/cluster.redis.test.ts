import { askRedis } from '@holdfast/local/ask-redis';
import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { redisKeys } from '@holdfast/broker/keys';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRedis } from './observability/health.ts';
import { type TestApi, startClusterApi } from './testing/api.ts';
import { problemMatchers } from './testing/problem-matchers.ts';

expect.extend(problemMatchers);

const START_MS = 60_000;

let cluster: RedisCluster;
let api: TestApi;
let stopChecking: () => void;
/** Topics by the node that has them. */
const topics = new Map<number, string[]>();
let client: string;

beforeAll(async () => {
  // With a dead master, which has no replica, the others go on.
  cluster = await startPrivateCluster({ replicas: 0, args: ['--cluster-require-full-coverage', 'no'] });
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  api = await startClusterApi({ kind: 'cluster', nodes, access: { database: 0, tls: false } });
  stopChecking = checkRedis(api.broker, api.redis, api.health, api.log.logger);
  const names = Array.from({ length: 30 }, (_, index) => `cluster.${index}`);
  await api.topics(...names);
  for (const [index, { url }] of cluster.nodes.entries()) {
    for (const name of names) {
      const exists = await askRedis(url, 'EXISTS', redisKeys(api.prefix).topic(name)).catch(() => 0);
      if (exists === 1) topics.set(index, [...(topics.get(index) ?? []), name]);
    }
  }
  await becomesReady(true);
  client = await clientOnNode(1);
}, START_MS);
afterAll(async () => {
  stopChecking();
  await api.stop();
  await cluster.stop();
});

async function becomesReady(ready: boolean): Promise<void> {
  await eventually(() => {
    if (api.health.readiness().ready !== ready) throw new Error(`it does not become ${ready ? 'ready' : 'unready'}`);
  });
}

const topicAt = (node: number) => topics.get(node)?.[0] ?? '';

/** A client whose state is on this node. */
async function clientOnNode(node: number): Promise<string> {
  for (;;) {
    const id = await api.client();
    const url = cluster.nodes[node]?.url ?? '';
    if ((await askRedis(url, 'EXISTS', redisKeys(api.prefix).client(id)).catch(() => 0)) === 1) return id;
  }
}

test('every topic is listed, whatever node has it, page by page', async () => {
  const found: string[] = [];
  for (let from = ''; ;) {
    const page = await api.call('GET', `/v1/topics?limit=7${from}`, { key: 'all' });
    const { topics: listed, cursor } = page.body as { topics: { topic: string }[]; cursor: string | null };
    found.push(...listed.map(({ topic }) => topic));
    if (cursor === null) break;
    from = `&cursor=${cursor}`;
  }
  expect(topics.size).toBe(3);
  expect(found).toHaveLength(30);
  expect(new Set(found)).toEqual(new Set([...topics.values()].flat()));
});

describe('while one node of three is away', () => {
  beforeAll(async () => {
    cluster.nodes[0]?.kill('SIGKILL');
    await cluster.nodes[0]?.exited;
    await becomesReady(false);
  });

  test('readiness names it', () => {
    expect(api.health.readiness().checks['redis']).toContain(`no answer from 127.0.0.1:${cluster.nodes[0]?.port}`);
  });

  test('a batch says which of its messages were published, and which topics could not be reached', async () => {
    const [away, here, there] = [topicAt(0), topicAt(1), topicAt(2)];
    await eventually(async () => {
      const answer = await api.call('POST', '/v1/messages', {
        key: 'all',
        body: {
          messages: [
            { topics: [here], data: 1 },
            { topics: [away], data: 2 },
            { topics: [here, there], data: 3 },
            { topics: [there, away], data: 4 },
          ],
        },
      });
      expect(answer.status).toBe(202);
      expect(answer.body['results']).toMatchObject([
        { ok: true },
        { ok: false, code: 'redis-unavailable', topics: [away] },
        { ok: true },
        { ok: false, code: 'redis-unavailable', topics: [away], ids: {} },
      ]);
    });
  });

  test('subscribing to several topics names those that could not be read, and changes nothing', async () => {
    const several = { body: { topics: [topicAt(0), topicAt(1), topicAt(2)] } };
    const answer = await api.call('POST', `/v1/clients/${client}/topics`, several);
    expect(answer).toBeProblem(503, 'redis-unavailable', { topics: [topicAt(0)] });
    expect((await api.broker.readClient(client))?.topics.size).toBe(0);
    const others = await api.call('POST', `/v1/clients/${client}/topics`, {
      body: { topics: [topicAt(1), topicAt(2)] },
    });
    expect(others.status).toBe(202);
  });
});
