import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const PATIENCE_MS = 30_000;

/** Makes numbers of the letters of one connection. */
function counting(): (bytes: Buffer) => Buffer {
  let count = 0;
  return (bytes) => Buffer.from(bytes.toString().replaceAll('a', () => String((count += 1))));
}

describe('the TCP proxy', () => {
  let echo: Server;
  let proxy: TcpProxy;
  let arrived: string;
  const far = new Set<Socket>();

  beforeEach(async () => {
    arrived = '';
    echo = createServer((socket) => {
      far.add(socket);
      socket.on('error', () => far.delete(socket));
      socket.on('data', (bytes) => {
        arrived += bytes.toString();
        socket.write(bytes);
      });
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = echo.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    proxy = await startTcpProxy({ port: address.port });
  });
  afterEach(async () => {
    await proxy.stop();
    echo.close();
    far.clear();
  });

  interface Line {
    socket: Socket;
    received: () => string;
    ended: Promise<string>;
  }

  function dial(): Line {
    const socket = connect(proxy.port, '127.0.0.1');
    let text = '';
    let end = 'end';
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('error', (error) => (end = 'code' in error ? String(error.code) : error.message));
    const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(end)));
    return { socket, received: () => text, ended };
  }

  it('passes bytes both ways in order, and the end of a connection', async () => {
    const line = dial();
    const text = 'x'.repeat(3_000_000);
    line.socket.write(text);
    await vi.waitFor(() => expect(line.received().length).toBe(text.length), PATIENCE_MS);
    expect(proxy.connections()).toBe(1);
    line.socket.end();
    expect(await line.ended).toBe('end');
    await vi.waitFor(() => expect(proxy.connections()).toBe(0), PATIENCE_MS);
  });

  it('cuts what stands, on both sides, and takes new connections', async () => {
    const line = dial();
    line.socket.write('a');
    await vi.waitFor(() => expect(line.received()).toBe('a'), PATIENCE_MS);
    proxy.cut();
    expect(await line.ended).toBe('ECONNRESET');
    await vi.waitFor(() => expect([...far].every((socket) => socket.destroyed)).toBe(true), PATIENCE_MS);
    const again = dial();
    again.socket.write('b');
    await vi.waitFor(() => expect(again.received()).toBe('b'), PATIENCE_MS);
  });

  it('passes a reset on as a reset', async () => {
    const line = dial();
    line.socket.write('a');
    await vi.waitFor(() => expect(line.received()).toBe('a'), PATIENCE_MS);
    for (const socket of far) socket.resetAndDestroy();
    expect(await line.ended).toBe('ECONNRESET');
  });

  it('refuses new connections and leaves those that stand, until it is healed', async () => {
    const line = dial();
    line.socket.write('a');
    await vi.waitFor(() => expect(line.received()).toBe('a'), PATIENCE_MS);
    proxy.refuse();
    const refused = dial();
    expect(await refused.ended).toBe('ECONNRESET');
    line.socket.write('b');
    await vi.waitFor(() => expect(line.received()).toBe('ab'), PATIENCE_MS);
    proxy.heal();
    const again = dial();
    again.socket.write('c');
    await vi.waitFor(() => expect(again.received()).toBe('c'), PATIENCE_MS);
  });

  it('swallows everything and ends nothing, until it is healed', async () => {
    const line = dial();
    line.socket.write('a');
    await vi.waitFor(() => expect(line.received()).toBe('a'), PATIENCE_MS);
    proxy.blackHole();
    line.socket.write('lost');
    await vi.waitFor(() => expect(proxy.bytesSwallowed()).toBe(4), PATIENCE_MS);
    proxy.heal();
    line.socket.write('b');
    await vi.waitFor(() => expect(line.received()).toBe('ab'), PATIENCE_MS);
    expect(line.socket.destroyed).toBe(false);
  });

  it('keeps answers back until it is healed, and passes what is asked', async () => {
    const line = dial();
    line.socket.write('a');
    await vi.waitFor(() => expect(line.received()).toBe('a'), PATIENCE_MS);
    proxy.holdAnswers();
    line.socket.write('b');
    await vi.waitFor(() => expect(arrived).toBe('ab'), PATIENCE_MS);
    await vi.waitFor(() => expect(proxy.bytesHeld()).toBe(1), PATIENCE_MS);
    expect(line.received()).toBe('a');
    proxy.heal();
    line.socket.write('c');
    await vi.waitFor(() => expect(line.received()).toBe('abc'), PATIENCE_MS);
  });

  it('strands what stands for good, without a word, and passes new connections', async () => {
    const stranded = dial();
    stranded.socket.write('a');
    await vi.waitFor(() => expect(stranded.received()).toBe('a'), PATIENCE_MS);
    proxy.strand();
    stranded.socket.write('lost');
    await vi.waitFor(() => expect(proxy.bytesSwallowed()).toBe(4), PATIENCE_MS);
    const fresh = dial();
    fresh.socket.write('b');
    await vi.waitFor(() => expect(fresh.received()).toBe('b'), PATIENCE_MS);
    proxy.heal();
    stranded.socket.write('lost');
    await vi.waitFor(() => expect(proxy.bytesSwallowed()).toBe(8), PATIENCE_MS);
    // Its end is not passed on either: the other side still believes in it.
    stranded.socket.destroy();
    await stranded.ended;
    fresh.socket.write('c');
    await vi.waitFor(() => expect(fresh.received()).toBe('bc'), PATIENCE_MS);
    expect([...far].filter((socket) => socket.destroyed)).toEqual([]);
  });

  it('changes what comes from the target, for each connection by itself', async () => {
    await using changing = new AsyncDisposableStack();
    const second = await startTcpProxy({ port: proxy.port, rewrite: counting });
    changing.defer(second.stop);
    for (const expected of ['12', '12']) {
      const socket = connect(second.port, '127.0.0.1');
      changing.defer(() => void socket.destroy());
      let received = '';
      socket.on('data', (bytes) => (received += bytes.toString()));
      socket.write('aa');
      await vi.waitFor(() => expect(received).toBe(expected), PATIENCE_MS);
    }
    expect(arrived).toBe('aaaa');
  });

  it('delays, and keeps the order when the delay ends', async () => {
    const line = dial();
    // The delay ends when the test says so.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    proxy.delay(200);
    line.socket.write('1');
    while (proxy.bytesHeld() < 1) await turn();
    expect(arrived).toBe('');
    proxy.heal();
    line.socket.write('2');
    while (proxy.bytesHeld() < 2) await turn();
    expect(arrived).toBe('');
    vi.advanceTimersByTime(200);
    vi.useRealTimers();
    await vi.waitFor(() => expect(line.received()).toBe('12'), PATIENCE_MS);
    expect(arrived).toBe('12');
  });
});
