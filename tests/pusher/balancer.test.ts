import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { freePort } from '@holdfast/local/free-port';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import { type TestContext, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES, startBalancer } from '../e2e/balancer.ts';
import { findOrBringProgram } from '../e2e/program.ts';
import { startApplication } from './application.ts';
import { Client, channelName } from './client.ts';
import { type Door, startDoor } from './installation.ts';
import { backendOf } from './libraries.ts';

/** The first time on a machine: apt-get reads its lists and brings a package. */
const INSTALLATION_MS = 300_000;
const CLIENTS = 6;
/** A drain of 2 s, and some seconds at which half of those who try come to the edge that drains. */
const MOVING = { timeoutMs: 30_000 };
/** Half of them each time: none has so many but once in a million. */
const MOST_RETRIES = 20;

/** In a fixed order. */
async function edgesOf({ installation, urls: { key } }: Door): Promise<{ id: string; connections: number }[]> {
  const response = await fetch(`${installation.controlUrl}/v1/edges`, { headers: { 'x-api-key': key } });
  const { edges } = (await response.json()) as { edges: { id: string; connections: number }[] };
  return edges;
}

/** The status of a path that is sent as it is. */
async function statusOf(url: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  const sent = request({ hostname, port, path, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe.each(EXAMPLES)('$file, one host and port before edges and control-apis', (example) => {
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

  it('serves pusher-js and the server library, and keeps to itself what is not for them', async (context) => {
    const program = programFor(context);
    const env = { EDGE_TRUSTED_PROXIES: '127.0.0.1', CONTROL_TRUSTED_PROXIES: '127.0.0.1' };
    await using door = await startDoor({ redis: { url: redisUrl() }, controls: 2, env });
    const { edgeUrls: edges, controlUrls: controls } = door.installation;
    await using balancer = await startBalancer(example, program, { port: await freePort(), edges, controls });
    const { main } = door.urls.apps;
    const url = balancer.url.replace('ws:', 'http:');
    const backend = backendOf({ controlUrl: url }, main);
    await using application = await startApplication(backend);
    using clients = new DisposableStack();
    const channel = channelName('presence-');
    const all = Array.from({ length: CLIENTS }, (_, index) =>
      clients.use(new Client({ url: balancer.url, key: main.key, application, user: `user-${index}` })),
    );
    await Promise.all(all.map((client) => client.subscribe(channel)));
    // Edges report them with their leases.
    await eventually(async () => {
      const connections = (await edgesOf(door)).map((edge) => edge.connections);
      expect(connections.reduce((sum, count) => sum + count, 0)).toBe(CLIENTS);
      expect(Math.min(...connections)).toBeGreaterThanOrEqual(CLIENTS / 3);
    });

    // Signed over a path and a query that the balancer has not touched.
    for (const number of [1, 2, 3, 4]) await backend.trigger(channel, 'thing', { number });
    for (const client of all) {
      await eventually(() =>
        expect(client.events(channel).map(({ data }) => data)).toEqual([1, 2, 3, 4].map((number) => ({ number }))),
      );
    }
    await eventually(async () => {
      const info = await backend.get({ path: `/channels/${channel}`, params: { info: 'user_count' } });
      expect(await info.json()).toEqual({ occupied: true, user_count: CLIENTS });
    });

    const large = Array.from({ length: 10 }, () => ({ channel, name: 'large', data: '"'.repeat(10_000) }));
    expect((await backend.triggerBatch(large)).status).toBe(200);

    const kept = ['/', '/metrics', '/readyz', '/healthz', '/v1/topics', '/app', '/apps', '/app/a/b'];
    const climbing = ['/app/../metrics', '/app/%2e%2e/metrics', '/app/k/../../metrics', '/apps/../v1/topics'];
    for (const path of [...kept, ...climbing]) expect([path, await statusOf(url, path)]).toEqual([path, 404]);
    expect(await statusOf(url, `/app/${main.key}`)).toBe(426);
    expect(await statusOf(url, '/apps/unknown/channels')).toBe(404);
  });

  it('has clients at another edge soon when one drains', async (context) => {
    const program = programFor(context);
    const env = { EDGE_TRUSTED_PROXIES: '127.0.0.1', EDGE_DRAIN_SECONDS: '2' };
    await using door = await startDoor({ redis: { url: redisUrl() }, env });
    const { edgeUrls: edges, controlUrl } = door.installation;
    const { key, apps } = door.urls;
    await using balancer = await startBalancer(example, program, { port: await freePort(), edges });
    using clients = new DisposableStack();
    const channel = channelName();
    const all = Array.from({ length: CLIENTS }, () =>
      clients.use(new Client({ url: balancer.url, key: apps.main.key })),
    );
    await Promise.all(all.map((client) => client.subscribe(channel)));
    const [drained] = await edgesOf(door);
    const post = { method: 'POST', headers: { 'x-api-key': key } };
    expect((await fetch(`${controlUrl}/v1/edges/${drained?.id}/drain`, post)).status).toBe(202);
    await eventually(async () => {
      const [inDrain, other] = await edgesOf(door);
      expect([inDrain?.connections, other?.connections]).toEqual([0, CLIENTS]);
    }, MOVING);
    for (const client of all) expect(client.retries.length).toBeLessThan(MOST_RETRIES);
    await eventually(async () => {
      await backendOf(door.urls, apps.main).trigger(channel, 'thing', {});
      for (const client of all) expect(client.events(channel)).not.toEqual([]);
    });
  });
});
