import { connect } from '@holdfast/client/connect';
import { createRest } from '@holdfast/client/rest';
import { freePort } from '@holdfast/local/free-port';
import { findOrBringProgram } from './program.ts';
import { startService } from '@holdfast/local/services';
import { eventually } from '@holdfast/testkit/eventually';
import { openSocket } from '@holdfast/testkit/socket';
import { type TestContext, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, idsOf, startBackend } from './backend.ts';
import { EXAMPLES, startBalancer } from './balancer.ts';
import { keepPublishing } from './publishing.ts';

/** The first time on a machine: apt-get reads its lists and brings a package. */
const INSTALLATION_MS = 300_000;
const CLIENTS = 60;
/** Both edges restarted, one after the other. */
const ROLLING_MS = 120_000;
const PATIENCE = { timeoutMs: 30_000 };
/** In place of 25 s, and in place of 90 s as the examples have it: the same proportion. */
const HEARTBEAT = '1s';
const TUNNEL_SECONDS = 4;

/** Two edges that advertise the address of a balancer, and where that is to listen. */
async function startBehind(env: Record<string, string> = {}) {
  const port = await freePort();
  const settings = { EDGE_ADVERTISE_URL: `ws://127.0.0.1:${port}`, EDGE_TRUSTED_PROXIES: '127.0.0.1', ...env };
  const backend = await startBackend({ env: settings });
  return { ...backend, port, settings, edges: backend.installation.edgeUrls };
}

/** Restarts one edge where it was, as a rollout does: SIGTERM, its end, its successor. `await using` what it gives. */
async function restart({ installation }: Backend, index: number, settings: Record<string, string>) {
  const old = installation.edges[index];
  old?.kill('SIGTERM');
  expect(await old?.exited).toEqual({ code: 0, signal: null });
  const { redisEnv, prefix: REDIS_PREFIX } = installation;
  const { port: EDGE_PORT } = new URL(old?.url ?? '');
  const edge = await startService({
    app: 'socket-edge',
    env: { ...settings, ...redisEnv, REDIS_PREFIX, EDGE_PORT, EDGE_DRAIN_SECONDS: '1' },
  });
  return { edge, [Symbol.asyncDispose]: async () => void (await edge.stop()) };
}

describe.each(EXAMPLES)('$file before two edges', (example) => {
  let found: Awaited<ReturnType<typeof findOrBringProgram>>;
  beforeAll(async () => {
    found = await findOrBringProgram(example.name, { announce: (line) => process.stdout.write(`${line}\n`) });
  }, INSTALLATION_MS);

  /** Skips where there is no such balancer, and says why. */
  function programFor(context: TestContext): string {
    if ('program' in found) return found.program;
    process.stdout.write(`SKIPPED: ${example.file} was not run: ${found.missing}\n`);
    return context.skip(found.missing);
  }

  it('gives clients one address for both, and keeps to itself what is not for them', async (context) => {
    const program = programFor(context);
    await using backend = await startBehind();
    await using balancer = await startBalancer(example, program, backend);
    await backend.topic('balanced');
    const sockets = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { body } = await backend.call<{ clientId: string; connect: { urls: string[] } }>('POST', '/v1/clients', {
          body: { topics: ['balanced'] },
        });
        expect(body.connect.urls).toEqual([balancer.url]);
        return openSocket(balancer.url, { client: body.clientId });
      }),
    );
    await Promise.all(sockets.map((socket) => socket.next('welcome')));
    const id = await backend.publish('balanced', 1);
    await eventually(() => {
      for (const socket of sockets) expect(idsOf(socket, 'balanced')).toEqual([id]);
    });
    // Fewest connections first.
    await eventually(async () => {
      const { body } = await backend.call<{ edges: { connections: number }[] }>('GET', '/v1/edges');
      expect(Math.min(...body.edges.map(({ connections }) => connections))).toBeGreaterThanOrEqual(4);
      expect(body.edges.reduce((sum, { connections }) => sum + connections, 0)).toBe(10);
    });
    for (const path of ['/metrics', '/readyz', '/healthz', '/v1/connect/other', '/']) {
      expect((await fetch(new URL(path, balancer.url.replace('ws', 'http')))).status).toBe(404);
    }
  });

  it('leaves a connection open on which only heartbeats pass, for as long as its time-out and longer', async (context) => {
    const program = programFor(context);
    await using backend = await startBehind({ EDGE_HEARTBEAT: HEARTBEAT });
    await using balancer = await startBalancer(example, program, { ...backend, tunnelSeconds: TUNNEL_SECONDS });
    const socket = await openSocket(balancer.url, { client: await backend.register([]) });
    let pings = 0;
    socket.ws.on('ping', () => (pings += 1));
    await eventually(() => expect(pings).toBeGreaterThan(2 * TUNNEL_SECONDS), PATIENCE);
    expect((await socket.close()).code).toBe(1000);
  });

  it('loses no message in a rolling restart of both under load', { timeout: ROLLING_MS }, async (context) => {
    const program = programFor(context);
    await using backend = await startBehind();
    await using balancer = await startBalancer(example, program, backend);
    const { controlUrl, key } = backend.installation;
    const topics = ['rolling.a', 'rolling.b'];
    for (const topic of topics) await backend.topic(topic);
    using closing = new DisposableStack();
    const lost: unknown[] = [];
    const reconnects = new Set<string>();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const clientId = await backend.register(topics);
        const client = connect({ url: balancer.url, clientId });
        closing.defer(() => client.close());
        const received: Record<string, string[]> = Object.fromEntries(topics.map((topic) => [topic, []]));
        client.on('message', ({ topic, id }) => received[topic]?.push(id));
        client.on('lost', (gap) => lost.push(gap));
        client.on('state', ({ state }) => state === 'waiting' && reconnects.add(clientId));
        await new Promise<void>((resolve) => client.on('welcome', () => resolve()));
        return { client, received };
      }),
    );
    await using publishing = keepPublishing(createRest({ controlUrl, key }), topics);
    await publishing.more(5);
    await using first = await restart(backend, 0, backend.settings);
    await publishing.more(5);
    await using second = await restart(backend, 1, backend.settings);
    await publishing.more(20);
    await publishing.stop();
    await eventually(() => {
      for (const { received } of clients) expect(received).toEqual(publishing.ids);
    }, PATIENCE);
    expect(lost).toEqual([]);
    expect(publishing.refused()).toBe(0);
    // No edge and no client was left out: each edge was restarted, and each client was on one.
    expect(reconnects.size).toBe(CLIENTS);
    expect([first.edge.url, second.edge.url]).toEqual(backend.installation.edges.map(({ url }) => url));
  });
});
