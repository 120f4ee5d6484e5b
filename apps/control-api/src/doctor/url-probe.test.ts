import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { holdOpen, probeUrl } from './url-probe.ts';

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

interface Peer {
  answer?: RequestListener;
  upgrade?: (socket: Socket, key: string) => void;
}

/** What stands behind the URL. Gives the URL, and the paths it was asked for. */
async function serve({ answer, upgrade }: Peer) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer?.(request, response);
  });
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket) => {
      paths.push(request.url ?? '');
      upgrade(socket as Socket, String(request.headers['sec-websocket-key']));
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

const problem =
  (status: number, code: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ status, code }));
  };

function accept(socket: Socket, key: string): void {
  const proof = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${[...lines, `Sec-WebSocket-Accept: ${proof}`].join('\r\n')}\r\n\r\n`);
}

describe('a handshake through a URL', () => {
  it('is that of a client that does not exist, at the path at which edges take connections', async () => {
    const { url, paths } = await serve({ answer: problem(403, 'unknown-client') });
    expect(await probeUrl(url)).toEqual({ url, outcome: { kind: 'answered', status: 403, code: 'unknown-client' } });
    expect(await probeUrl(`${url}/edges/`)).toMatchObject({ outcome: { kind: 'answered' } });
    const id = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
    expect(paths[0]).toMatch(new RegExp(`^/v1/connect\\?client=${id}$`));
    expect(paths[1]).toMatch(new RegExp(`^/edges/v1/connect\\?client=${id}$`));
  });

  it('shows what else answers: no code where it is no edge, 101 where it takes anybody', async () => {
    const balancer = await serve({ answer: (_request, response) => response.writeHead(502).end('<html>') });
    expect(await probeUrl(balancer.url)).toMatchObject({ outcome: { kind: 'answered', status: 502, code: null } });
    const echo = await serve({ upgrade: accept });
    expect(await probeUrl(echo.url)).toMatchObject({ outcome: { kind: 'answered', status: 101, code: null } });
  });

  it('that gets no answer says why: refused, silent, or endless', async () => {
    const { url } = await serve({});
    stops.splice(0).forEach((stop) => stop());
    expect(await probeUrl(url)).toMatchObject({
      outcome: { kind: 'failed', reason: expect.stringContaining('REFUSED') as string },
    });
    const silent = await serve({ answer: () => undefined });
    expect(await probeUrl(silent.url, 50)).toMatchObject({ outcome: { kind: 'failed' } });
    const endless = await serve({ answer: (_request, response) => response.write('x'.repeat(200_000)) });
    expect(await probeUrl(endless.url)).toMatchObject({ outcome: { kind: 'answered', status: 200, code: null } });
  });
});

describe('a connection that is left alone', () => {
  const never = new AbortController().signal;

  it('is open for as long as it should be', async () => {
    const { url, paths } = await serve({ upgrade: accept });
    const { outcome } = await holdOpen(url, 'an-id', 50, never);
    expect(outcome).toMatchObject({ kind: 'open', ms: expect.toSatisfy((ms: number) => ms >= 45) as number });
    expect(paths).toEqual(['/v1/connect?client=an-id']);
  });

  it('that is cut says after how long', async () => {
    const { url } = await serve({
      upgrade: (socket, key) => {
        accept(socket, key);
        setTimeout(() => socket.destroy(), 30);
      },
    });
    expect((await holdOpen(url, 'an-id', 60_000, never)).outcome).toMatchObject({ kind: 'closed', code: 1006 });
  });

  it('that is refused, or called off, was not held', async () => {
    const { url } = await serve({ answer: problem(503, 'edge-full') });
    expect((await holdOpen(url, 'an-id', 10, never)).outcome).toMatchObject({ kind: 'not-held' });
    const open = await serve({ upgrade: accept });
    const off = new AbortController();
    const held = holdOpen(open.url, 'an-id', 60_000, off.signal);
    off.abort();
    expect((await held).outcome).toEqual({ kind: 'not-held', reason: 'the call ended before' });
  });

  it('does not begin when it is called off before', async () => {
    const { url, paths } = await serve({ upgrade: accept });
    const { outcome } = await holdOpen(url, 'an-id', 60_000, AbortSignal.abort());
    expect(outcome).toEqual({ kind: 'not-held', reason: 'the call ended before' });
    expect(paths).toEqual([]);
  });
});
