import { connect } from '@holdfast/client/connect';
import { createRest } from '@holdfast/client/rest';
import { isAlive } from '@holdfast/local/is-alive';
import { startService } from '@holdfast/local/services';
import { eventually } from '@holdfast/testkit/eventually';
import { childrenOf } from '@holdfast/testkit/processes';
import { openSocket } from '@holdfast/testkit/socket';
import { describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './backend.ts';
import { keepPublishing } from './publishing.ts';

/** So many that each of two workers gets some, but for once in 500 million runs. */
const CLIENTS = 30;
/** A dead worker is found, its clients come back after some delays, and its lease runs out. */
const PATIENCE = { timeoutMs: 30_000 };

interface EdgeSummary {
  id: string;
  url: string;
  connections: number;
}

/** One edge command with two workers, and a control-api. */
const startTwoWorkers = () => startBackend({ edges: 1, env: { EDGE_WORKERS: '2' } });

function edgeOf({ installation }: Backend) {
  const [edge] = installation.edges;
  if (edge === undefined) throw new Error('no edge was started');
  return edge;
}

/** The process ids of the workers. */
const workersOf = (backend: Backend): number[] => childrenOf(edgeOf(backend).pid);

async function edgesOf(backend: Backend): Promise<EdgeSummary[]> {
  return (await backend.call<{ edges: EdgeSummary[] }>('GET', '/v1/edges')).body.edges;
}

async function connectMany(backend: Backend, topics: readonly string[] = []) {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => backend.register(topics)));
  const sockets = await Promise.all(clients.map((client) => backend.connect(client)));
  await Promise.all(sockets.map((socket) => socket.next('welcome')));
  return sockets;
}

/** The value of a metric of the whole, from one scrape. */
async function scraped(backend: Backend, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', edgeOf(backend).url))).text();
  return Number(new RegExp(`^${name}{[^}]*} (\\S+)$`, 'm').exec(text)?.[1]);
}

describe('an edge with two workers', () => {
  it('takes connections on one port in both, each an edge with an id of its own, and tells of all in any scrape', async () => {
    await using backend = await startTwoWorkers();
    await backend.topic('shared');
    const sockets = await connectMany(backend, ['shared']);
    await eventually(async () => {
      const edges = await edgesOf(backend);
      expect(edges.map(({ url }) => url)).toEqual([backend.installation.edgeUrls[0], backend.installation.edgeUrls[0]]);
      expect(new Set(edges.map(({ id }) => id)).size).toBe(2);
      expect(Math.min(...edges.map(({ connections }) => connections))).toBeGreaterThan(0);
      expect(edges.reduce((sum, { connections }) => sum + connections, 0)).toBe(CLIENTS);
    });
    await backend.publish('shared', 1);
    await Promise.all(sockets.map((socket) => socket.next('message')));
    // A worker that is slow to answer is taken as it was last.
    await eventually(async () => {
      expect(await scraped(backend, 'holdfast_connections')).toBe(CLIENTS);
      expect(await scraped(backend, 'holdfast_deliveries_total')).toBe(CLIENTS);
    });
    for (let scrape = 0; scrape < 10; scrape += 1) {
      expect(await scraped(backend, 'holdfast_connections')).toBe(CLIENTS);
      expect(await scraped(backend, 'holdfast_deliveries_total')).toBe(CLIENTS);
    }
    expect(await scraped(backend, 'holdfast_workers')).toBe(2);
  });

  it('replaces a worker that is killed, its clients resume with nothing lost, and no counter falls', async () => {
    await using backend = await startTwoWorkers();
    const { controlUrl, edgeUrls: urls, key } = backend.installation;
    const topic = 'through-a-death';
    await backend.topic(topic);
    const rest = createRest({ controlUrl, key });
    const received: string[][] = [];
    const lost: unknown[] = [];
    using closing = new DisposableStack();
    for (let n = 0; n < CLIENTS; n += 1) {
      const client = connect({ urls, clientId: await backend.register([topic]) });
      closing.defer(() => client.close());
      const ids: string[] = [];
      received.push(ids);
      client.on('message', ({ id }) => ids.push(id));
      client.on('lost', (gap) => lost.push(gap));
    }
    await eventually(async () => expect(await scraped(backend, 'holdfast_connections')).toBe(CLIENTS));
    const before = await edgesOf(backend);
    const [victim = 0, survivor = 0] = workersOf(backend);
    await using publishing = keepPublishing(rest, [topic]);
    await publishing.more(10);
    const delivered = await scraped(backend, 'holdfast_deliveries_total');

    process.kill(victim, 'SIGKILL');
    await eventually(() => expect(isAlive(victim)).toBe(false));
    await publishing.more(10);
    expect(await scraped(backend, 'holdfast_deliveries_total')).toBeGreaterThanOrEqual(delivered);
    await eventually(async () => {
      expect(await scraped(backend, 'holdfast_connections')).toBe(CLIENTS);
      expect(await scraped(backend, 'holdfast_workers')).toBe(2);
    }, PATIENCE);
    expect(await scraped(backend, 'holdfast_worker_restarts_total')).toBe(1);
    expect(workersOf(backend)).toContain(survivor);
    await publishing.more(10);
    await publishing.stop();
    await eventually(() => {
      for (const ids of received) expect(ids).toEqual(publishing.ids[topic]);
    }, PATIENCE);
    expect(lost).toEqual([]);
    await eventually(async () => {
      const after = await edgesOf(backend);
      expect(after).toHaveLength(2);
      expect(before.filter(({ id }) => after.some((edge) => edge.id === id))).toHaveLength(1);
    }, PATIENCE);
  });

  it('is not held up by a parent that stands still', async () => {
    await using backend = await startTwoWorkers();
    await backend.topic('without-parent');
    const edge = edgeOf(backend);
    edge.kill('SIGSTOP');
    const sockets = await connectMany(backend, ['without-parent']);
    const id = await backend.publish('without-parent', 1);
    for (const socket of sockets) expect(await socket.next('message')).toMatchObject({ id });
    expect((await fetch(new URL('/readyz', edge.url))).status).toBe(200);
    edge.kill('SIGCONT');
  });

  it('says 1012 to every connection on SIGTERM, and exits 0 when all workers have', async () => {
    await using backend = await startTwoWorkers();
    const sockets = await connectMany(backend);
    const workers = workersOf(backend);
    edgeOf(backend).kill('SIGTERM');
    for (const socket of sockets) {
      expect(await socket.closed).toEqual({ code: 1012, reason: expect.stringMatching(/^retry-after-ms=\d+$/) });
    }
    expect(await edgeOf(backend).exited).toEqual({ code: 0, signal: null });
    expect(workers.map(isAlive)).toEqual([false, false]);
    expect(await edgesOf(backend)).toEqual([]);
  });

  it('does not exit with 0 when a worker did not end in good order', async () => {
    await using backend = await startBackend({ edges: 1, env: { EDGE_WORKERS: '2', EDGE_DRAIN_SECONDS: '5' } });
    await connectMany(backend);
    const [victim = 0] = workersOf(backend);
    edgeOf(backend).kill('SIGTERM');
    await eventually(async () => expect((await fetch(new URL('/readyz', edgeOf(backend).url))).status).toBe(503));
    process.kill(victim, 'SIGKILL');
    expect(await edgeOf(backend).exited).toEqual({ code: 1, signal: null });
  });

  it('is gone at once after a second signal, workers and all', async () => {
    await using backend = await startBackend({ edges: 1, env: { EDGE_WORKERS: '2', EDGE_DRAIN_SECONDS: '600' } });
    const sockets = await connectMany(backend);
    const workers = workersOf(backend);
    const edge = edgeOf(backend);
    edge.kill('SIGTERM');
    // What follows within a quarter of a second is taken for the echo of a Ctrl-C.
    await eventually(() => {
      edge.kill('SIGTERM');
      expect(isAlive(edge.pid)).toBe(false);
    });
    expect(await edge.exited).toEqual({ code: 1, signal: null });
    await eventually(() => expect(workers.map(isAlive)).toEqual([false, false]));
    await Promise.all(sockets.map((socket) => socket.closed));
  });

  it('whose parent is killed leaves nothing: the port is free at once, the workers say goodbye and end', async () => {
    await using backend = await startTwoWorkers();
    const sockets = await connectMany(backend);
    const workers = workersOf(backend);
    const edge = edgeOf(backend);
    edge.kill('SIGKILL');
    await edge.exited;
    const { redisEnv, prefix: REDIS_PREFIX } = backend.installation;
    const env = {
      ...redisEnv,
      REDIS_PREFIX,
      EDGE_PORT: new URL(edge.url).port,
      EDGE_WORKERS: '2',
      EDGE_DRAIN_SECONDS: '1',
    };
    const next = await eventually(() => startService({ app: 'socket-edge', env }));
    expect(next.url).toBe(edge.url);
    for (const socket of sockets) expect((await socket.closed).code).toBe(1012);
    await eventually(() => expect(workers.map(isAlive)).toEqual([false, false]));
    const socket = await openSocket(next.url, { client: await backend.register([]) });
    await socket.next('welcome');
    expect(await next.stop()).toEqual({ code: 0, signal: null });
  });

  it('refuses a port that is in use, and lets no other process on its own', async () => {
    await using backend = await startTwoWorkers();
    const { redisEnv, prefix: REDIS_PREFIX } = backend.installation;
    const { port: EDGE_PORT } = new URL(edgeOf(backend).url);
    for (const EDGE_WORKERS of ['1', '2']) {
      const second = startService({ app: 'socket-edge', env: { ...redisEnv, REDIS_PREFIX, EDGE_PORT, EDGE_WORKERS } });
      await expect(second).rejects.toThrow(
        `Cannot listen on 127.0.0.1:${EDGE_PORT}: port ${EDGE_PORT} is in use by another process. Stop it, or choose another port.`,
      );
    }
  });

  it('holds EDGE_MAX_CONNECTIONS in each worker', async () => {
    await using backend = await startBackend({ edges: 1, env: { EDGE_WORKERS: '2', EDGE_MAX_CONNECTIONS: '5' } });
    // Which worker a connection comes to is chance: tried until both are full.
    const opened = await eventually(async () => {
      const client = await backend.register([]);
      await backend.connect(client).catch(() => undefined);
      expect(await scraped(backend, 'holdfast_connections')).toBe(10);
      return scraped(backend, 'holdfast_handshakes_accepted_total');
    }, PATIENCE);
    expect(opened).toBe(10);
  });
});
