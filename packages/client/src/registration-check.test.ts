import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemOf } from '@holdfast/protocol/problems';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HoldfastClient, connect } from './connect.ts';
import { ScriptedEdge, eventually } from './testing/scripted-edge.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';

const answerWith =
  (status: number, body: string): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body);
const NOT_FOUND = answerWith(404, JSON.stringify(problemOf('client-not-found')));

/** A control-api with scripted answers, and the attempts to connect before each call. */
async function startControl(answer: RequestListener) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

let edge: ScriptedEdge;
let client: HoldfastClient | undefined;

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  client?.close();
  await edge[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

/** Ends attempts without a welcome, until there were so many. */
async function failUntil(attempts: number, from = 0): Promise<void> {
  for (let number = from; number < attempts; number++) (await edge.peer(number)).cut();
  await edge.peer(attempts);
}

describe('a client whose attempts fail', () => {
  it('asks control-api, and ends as unregistered when that does not know it', async () => {
    await using control = await startControl(NOT_FOUND);
    client = connect({ url: edge.url, clientId, controlUrl: control.url });
    (await edge.peer(0)).cut();
    (await edge.peer(1)).cut();
    expect(await client.closed).toEqual({ reason: 'unregistered', code: undefined });
    expect(control.paths).toEqual([`GET /v1/clients/${clientId}`]);
  });

  it.each([
    ['it is registered', answerWith(200, '{"clientId":"c"}')],
    ['Redis is away', answerWith(503, JSON.stringify(problemOf('redis-unavailable')))],
    ['a proxy that does not find control-api answers', answerWith(404, '<h1>Not Found</h1>')],
    ['another problem is answered', answerWith(404, JSON.stringify(problemOf('route-not-found')))],
    ['no answer comes', (request) => request.socket.destroy()],
  ] as [string, RequestListener][])('goes on when %s', async (_, answer) => {
    await using control = await startControl(answer);
    client = connect({ url: edge.url, clientId, controlUrl: control.url });
    await failUntil(2);
    await eventually(() => control.paths.length > 0);
    await failUntil(4, 2);
    await eventually(() => control.paths.length > 1);
    (await edge.peer(4)).welcome();
    expect(await eventually(() => client?.state === 'open')).toBe(true);
  });

  it('asks less and less often, and after a connection anew', async () => {
    await using control = await startControl(answerWith(200, '{}'));
    client = connect({ url: edge.url, clientId, controlUrl: control.url });
    const askedAfter: number[] = [];
    for (let failures = 1; failures <= 24; failures++) {
      const asked = control.paths.length;
      await failUntil(failures, failures - 1);
      const isDue = [2, 4, 8, 16, 24].includes(failures);
      if (isDue) await eventually(() => control.paths.length > asked);
      if (control.paths.length > asked) askedAfter.push(failures);
    }
    expect(askedAfter).toEqual([2, 4, 8, 16, 24]);
    const last = await edge.peer(24);
    last.welcome();
    await eventually(() => client?.state === 'open');
    last.cut();
    await failUntil(27, 25);
    await eventually(() => control.paths.length === 6);
  });

  it('is not ended by an answer that comes when it is connected', async () => {
    const answered = Promise.withResolvers<void>();
    await using control = await startControl((request, response) => {
      void answered.promise.then(() => NOT_FOUND(request, response));
      response.on('close', () => answered.resolve());
    });
    client = connect({ url: edge.url, clientId, controlUrl: control.url });
    await failUntil(2);
    await eventually(() => control.paths.length > 0);
    (await edge.peer(2)).welcome();
    await eventually(() => client?.state === 'open');
    // The question was given up.
    await answered.promise;
    expect(client.state).toBe('open');
  });

  it('asks nothing once a listener has closed it', async () => {
    await using control = await startControl(NOT_FOUND);
    client = connect({ url: edge.url, clientId, controlUrl: control.url });
    client.on('state', (change) => change.state === 'waiting' && change.failures === 2 && client?.close());
    (await edge.peer(0)).cut();
    (await edge.peer(1)).cut();
    expect(await client.closed).toEqual({ reason: 'closed', code: undefined });
    expect(control.paths).toEqual([]);
  });
});
