import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { Connection, type Route } from './connection.ts';

/** Bounds the wait for a condition on a busy machine. */
const WAIT = { timeout: 30_000 };

let http: Server;
let sockets: WebSocketServer;
let route: Route;
const made: Connection<string>[] = [];

beforeEach(async () => {
  http = createServer();
  sockets = new WebSocketServer({ server: http });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  route = { host: '127.0.0.1', port, tls: false, path: '/v1/connect' };
});

afterEach(() => {
  for (const connection of made.splice(0)) connection.destroy();
  for (const socket of sockets.clients) socket.terminate();
  http.closeAllConnections();
  http.close();
});

/** Connects, and writes down what happens. */
function connected(to: Route = route) {
  const calls: string[] = [];
  const connection = new Connection(to, 'client-id', 'member', {
    onOpen: () => calls.push('open'),
    onText: (_, bytes, from, end) => calls.push(bytes.toString('utf8', from, end)),
    onRefused: (_, status, retryAfterMs) => calls.push(`refused ${status} ${retryAfterMs}`),
    onClose: (_, code, reason) => calls.push(`closed ${code} ${reason}`),
  });
  made.push(connection);
  return { connection, calls };
}

async function accepted(): Promise<WebSocket> {
  const [socket] = (await once(sockets, 'connection')) as [WebSocket];
  return socket;
}

describe('a connection to a WebSocket server', () => {
  it('presents its client id as a bearer, from the address that the route names', async () => {
    const arrival = once(http, 'upgrade');
    connected({ ...route, localAddress: '127.77.1.2' });
    const [request] = await arrival;
    expect(request.headers.authorization).toBe('Bearer client-id');
    expect(request.url).toBe('/v1/connect');
    expect(request.socket.remoteAddress).toBe('127.77.1.2');
  });

  it('receives texts of all lengths, in order, also those sent with the answer to the handshake', async () => {
    const texts = ['first', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_536), 'ü'.repeat(40_000), ''];
    sockets.on('connection', (socket) => {
      for (const text of texts) socket.send(text);
    });
    const { calls } = connected();
    await vi.waitFor(() => expect(calls).toEqual(['open', ...texts]), WAIT);
  });

  it('sends texts', async () => {
    const arrival = accepted();
    const { connection, calls } = connected();
    const socket = await arrival;
    const message = once(socket, 'message');
    await vi.waitFor(() => expect(calls).toEqual(['open']), WAIT);
    connection.sendText(JSON.stringify({ type: 'resume', pad: 'x'.repeat(1000) }));
    const [data] = await message;
    expect(JSON.parse(String(data))).toMatchObject({ type: 'resume' });
  });

  it('closes with a code, and is over when that is answered', async () => {
    const arrival = accepted();
    const { connection, calls } = connected();
    const socket = await arrival;
    const close = once(socket, 'close');
    await vi.waitFor(() => expect(calls).toEqual(['open']), WAIT);
    connection.close(1000);
    expect(await close).toEqual([1000, Buffer.alloc(0)]);
    await vi.waitFor(() => expect(calls).toEqual(['open', 'closed 1000 ']), WAIT);
  });

  it('answers pings with their payload', async () => {
    const arrival = accepted();
    connected();
    const socket = await arrival;
    const pong = once(socket, 'pong');
    socket.ping('are you there');
    expect(String((await pong)[0])).toBe('are you there');
  });

  it('tells the code and the reason of a close, and answers it', async () => {
    const arrival = accepted();
    const { calls } = connected();
    const socket = await arrival;
    const closed = once(socket, 'close');
    socket.close(1012, 'retry-after-ms=100');
    expect((await closed)[0]).toBe(1012);
    await vi.waitFor(() => expect(calls).toEqual(['open', 'closed 1012 retry-after-ms=100']), WAIT);
  });

  it('tells that it was cut', async () => {
    const arrival = accepted();
    const { calls } = connected();
    (await arrival).terminate();
    await vi.waitFor(() => expect(calls).toEqual(['open', expect.stringMatching(/^closed 1006 /)]), WAIT);
  });

  it('takes a binary frame for a broken stream', async () => {
    const arrival = accepted();
    const { calls } = connected();
    (await arrival).send(Buffer.from('bytes'));
    await vi.waitFor(() => expect(calls).toEqual(['open', 'closed 1006 broken stream: a binary frame']), WAIT);
  });

  it('says nothing more once it was destroyed', async () => {
    const arrival = accepted();
    const { connection, calls } = connected();
    const socket = await arrival;
    await vi.waitFor(() => expect(calls).toEqual(['open']), WAIT);
    const closed = once(socket, 'close');
    connection.destroy();
    await closed;
    expect(calls).toEqual(['open']);
  });
});

describe('a handshake', () => {
  it.each([
    ['seconds', '3', 3000],
    ['nothing', undefined, undefined],
  ])('that is refused tells its status and Retry-After in %s', async (_, header, ms) => {
    sockets.close();
    http.removeAllListeners('upgrade');
    http.on('upgrade', (__, socket) => {
      const retryAfter = header === undefined ? '' : `Retry-After: ${header}\r\n`;
      socket.end(`HTTP/1.1 503 Service Unavailable\r\n${retryAfter}Connection: close\r\n\r\n`);
    });
    const { calls } = connected();
    await vi.waitFor(() => expect(calls).toEqual([`refused 503 ${ms}`]), WAIT);
  });

  it('with an answer that does not fit its key is a broken stream', async () => {
    http.removeAllListeners('upgrade');
    http.on('upgrade', (_, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n');
    });
    const { calls } = connected();
    await vi.waitFor(
      () => expect(calls).toEqual(['closed 1006 broken stream: Sec-WebSocket-Accept does not answer the key']),
      WAIT,
    );
  });

  it('reports that it failed when nothing listens', async () => {
    const { calls } = connected({ ...route, port: 1 });
    await vi.waitFor(() => expect(calls).toEqual([expect.stringMatching(/^closed 1006 .*ECONNREFUSED/)]), WAIT);
  });
});
