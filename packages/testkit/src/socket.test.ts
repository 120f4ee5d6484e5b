import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { HandshakeRefused, openSocket, refusedHandshake } from './socket.ts';

describe('openSocket', () => {
  let http: Server;
  let url: string;
  /** What the server does with an accepted connection. */
  let serve: (socket: WebSocket) => void;
  let seen: { path: string; headers: NodeJS.Dict<string | string[]>; from: string | undefined };

  beforeEach(async () => {
    serve = () => undefined;
    const webSockets = new WebSocketServer({ noServer: true });
    http = createServer().listen(0, '127.0.0.1');
    http.on('upgrade', (request, socket, head) => {
      seen = { path: request.url ?? '', headers: request.headers, from: request.socket.remoteAddress };
      if (seen.path.includes('refuse')) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nfull');
        return;
      }
      webSockets.handleUpgrade(request, socket, head, (accepted) => serve(accepted));
    });
    await once(http, 'listening');
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    url = `ws://127.0.0.1:${address.port}`;
  });
  afterEach(() => http.close());

  it('asks for /v1/connect with the client, headers, subprotocols and address that are given', async () => {
    const socket = await openSocket(url, {
      client: 'c-1',
      resume: true,
      query: { more: 'x' },
      headers: { authorization: 'Bearer t' },
      protocols: ['holdfast.v1'],
      localAddress: '127.0.0.9',
    });
    expect(seen).toMatchObject({
      path: '/v1/connect?client=c-1&resume=1&more=x',
      headers: { authorization: 'Bearer t', 'sec-websocket-protocol': 'holdfast.v1' },
      from: '127.0.0.9',
    });
    await socket.close();
  });

  it('records every frame, also one that comes with the handshake, and gives them one after the other', async () => {
    serve = (socket) => {
      for (const frame of ['{"type":"welcome"}', '{"type":"message","id": 1}', '{"type":"message","id":2}'])
        socket.send(frame);
      socket.on('message', (data: Buffer) => socket.send(data.toString()));
    };
    const socket = await openSocket(url);
    expect(await socket.next('message')).toEqual({ type: 'message', id: 1 });
    expect(await socket.next((frame) => frame.type === 'message')).toEqual({ type: 'message', id: 2 });
    const echo = socket.next('echo');
    socket.send({ type: 'echo' });
    expect(await echo).toEqual({ type: 'echo' });
    expect(socket.texts.slice(0, 2)).toEqual(['{"type":"welcome"}', '{"type":"message","id": 1}']);
    await socket.close();
  });

  it('tells what came in place of a frame that did not come, and that the connection ended', async () => {
    serve = (socket) => socket.send('{"type":"welcome"}');
    const socket = await openSocket(url);
    await expect(socket.next('message', { timeoutMs: 50 })).rejects.toThrow(/no message within 50 ms.*"welcome"/s);
    serve = (other) => other.close(4409, 'replaced');
    const closing = await openSocket(url);
    await expect(closing.next('message')).rejects.toThrow('closed with 4409 replaced');
    expect(await closing.closed).toEqual({ code: 4409, reason: 'replaced' });
    await socket.close();
  });

  it('ends with 1006 when the connection is cut', async () => {
    serve = (socket) => socket.terminate();
    const socket = await openSocket(url);
    expect(await socket.closed).toEqual({ code: 1006, reason: '' });
  });

  it('gives status, headers and body of a handshake that is refused', async () => {
    const refusal = { status: 503, headers: { 'retry-after': '7' }, body: 'full' };
    expect(await refusedHandshake(`${url}/refuse`)).toMatchObject(refusal);
    await expect(openSocket(`${url}/refuse`)).rejects.toBeInstanceOf(HandshakeRefused);
    await expect(refusedHandshake(url)).rejects.toThrow('the handshake was accepted');
  });

  it('rejects with the error of the connection when nothing listens', async () => {
    http.close();
    await once(http, 'close');
    await expect(openSocket(url)).rejects.toThrow('ECONNREFUSED');
  });
});
