import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { closeOf, handshakeLines, rawRequest } from '../testing/raw-client.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
let control: Control;
let edge: RunningEdge;
let client: string;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  edge = await startEdge({ redisUrl: redisUrl(), prefix: mine });
  client = await control.register();
});
afterAll(async () => {
  await edge.stop();
  await control.stop();
});

const lines = (first: string, headers: Readonly<Record<string, string>> = {}) => [
  first,
  ...Object.entries({ Host: 'edge', Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`),
];
const asking = (path: string, connection: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`;
const H2C = { Connection: 'Upgrade, HTTP2-Settings, close', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' };

describe('a plain request', () => {
  it.each<[string, number, Record<string, string>]>([
    ['GET /healthz HTTP/1.1', 200, {}],
    ['HEAD /healthz HTTP/1.1', 200, {}],
    ['GET http://edge.example:7701/healthz?x=1 HTTP/1.1', 200, {}],
    ['GET http://edge.example/nothing HTTP/1.1', 404, {}],
    ['GET http://edge.example HTTP/1.1', 426, {}],
    ['GET /healthz HTTP/1.1', 200, H2C],
    ['GET /healthz HTTP/1.1', 200, { Connection: 'Upgrade, close', Upgrade: 'websocket' }],
    ['GET /nothing HTTP/1.1', 404, H2C],
    ['GET /v1/connect HTTP/1.1', 426, H2C],
    ['GET /v1/connect HTTP/1.1', 426, {}],
    ['OPTIONS * HTTP/1.1', 404, {}],
    ['POST /nothing HTTP/1.1', 404, {}],
  ])('%s is answered %i, with %o', async (first, status, headers) => {
    expect((await rawRequest(edge.port, lines(first, headers))).status).toBe(status);
  });

  it.each([
    ['POST /healthz HTTP/1.1', 'GET, HEAD'],
    ['DELETE /metrics HTTP/1.1', 'GET, HEAD'],
    ['PUT /v1/connect HTTP/1.1', 'GET'],
    ['POST http://edge/readyz HTTP/1.1', 'GET, HEAD'],
  ])('%s is refused with 405 and Allow: %s', async (first, allow) => {
    const answer = await rawRequest(edge.port, lines(first));
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'method-not-allowed' });
  });

  it('with a body that is not read leaves the socket fit for the next one', async () => {
    const body = 'x'.repeat(100_000);
    const both = [
      ...lines('POST /healthz HTTP/1.1', { Connection: 'keep-alive', 'Content-Length': String(body.length) }),
      '',
      `${body}GET /nothing HTTP/1.1`,
      ...lines('', {}).slice(1),
    ];
    const socket = connect(edge.port, '127.0.0.1');
    socket.write(`${both.join('\r\n')}\r\n\r\n`);
    expect(statusesIn(await textOf(socket))).toEqual([405, 404]);
  });
});

describe('a handshake', () => {
  it.each<[string, string, Record<string, string>, RegExp]>([
    ['with a target in absolute form', 'http://edge.example/v1/connect', {}, /^Upgrade: websocket\r$/m],
    ['that would take another upgrade, too', '/v1/connect', { Upgrade: 'h2c, websocket' }, /^Upgrade: websocket\r$/m],
    [
      'with empty elements among its subprotocols',
      '/v1/connect',
      { 'Sec-WebSocket-Protocol': ', holdfast.v1,,a ,' },
      /^Sec-WebSocket-Protocol: holdfast.v1\r$/m,
    ],
  ])('%s is taken', async (_, target, headers, expected) => {
    const socket = connect(edge.port, '127.0.0.1');
    socket.write(`${handshakeLines(`${target}?client=${client}`, headers).join('\r\n')}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 101 /);
    expect(head.toString()).toMatch(expected);
    socket.destroy();
  });
});

describe('requests that are sent without waiting for answers', () => {
  it('are answered one after the other, in order', async () => {
    const socket = connect(edge.port, '127.0.0.1');
    socket.write(asking('/metrics', 'keep-alive') + asking('/healthz', 'keep-alive') + asking('/nothing', 'close'));
    const text = await textOf(socket);
    expect(statusesIn(text)).toEqual([200, 200, 404]);
    expect(text).toMatch(/holdfast_connections[^]*"status":"ok"[^]*route-not-found/);
  });

  it('end their socket when they are very many', async () => {
    const socket = connect(edge.port, '127.0.0.1');
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
    await closeOf(socket.resume());
    expect(socket.bytesRead).toBeLessThan(200_000);
  });

  it('are served a hundred times by one socket, then it is closed', async () => {
    const socket = connect(edge.port, '127.0.0.1');
    let answers = 0;
    const ask = () => socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.on('data', () => {
      answers += 1;
      ask();
    });
    ask();
    await closeOf(socket);
    expect(answers).toBe(100);
  });
});

it('of sockets that ask for nothing 64 of an address stay; one that asks is taken', async () => {
  const silent = Array.from({ length: 200 }, () => connect(edge.port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const good = await openSocket(edge.url, { client });
  await good.next('welcome');
  await eventually(() => expect(silent.filter(({ closed }) => closed)).toHaveLength(200 - 64));
  good.send({ type: 'ping' });
  await good.next('pong');
  for (const socket of silent) socket.destroy();
  good.terminate();
});

async function textOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
}
