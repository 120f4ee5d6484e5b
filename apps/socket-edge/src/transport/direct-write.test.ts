import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, it } from 'vitest';
import { NOT_DIRECT, SocketWriter } from './direct-write.ts';
import { descriptorOf, tcpPair } from '../testing/tcp-pair.ts';

const MIB = 1024 * 1024;
const writerOf = (socket: Duplex): SocketWriter => new SocketWriter(socket, true);

describe('a socket writer', () => {
  it('has a descriptor of a plain TCP socket that is open, and of nothing else, nor when told to leave it', async () => {
    const { near } = await tcpPair();
    expect(writerOf(near).descriptor).toBe(descriptorOf(near));
    expect(new SocketWriter(near, false).descriptor).toBe(NOT_DIRECT);
    expect(writerOf(new PassThrough()).descriptor).toBe(NOT_DIRECT);
    expect(writerOf(new TLSSocket(near)).descriptor).toBe(NOT_DIRECT);
    near.destroy();
    expect(writerOf(near).descriptor).toBe(NOT_DIRECT);
  });

  it('has a descriptor while its socket is idle and open, and at no other time', async () => {
    const { near } = await tcpPair();
    const writer = writerOf(near);
    expect(writer.descriptor).toBe(descriptorOf(near));
    near.cork();
    near.write('waits');
    expect(writer.descriptor).toBe(NOT_DIRECT);
    near.uncork();
    await eventually(() => expect(writer.descriptor).toBe(descriptorOf(near)));
    near.destroy();
    expect(writer.descriptor).toBe(NOT_DIRECT);
  });

  it('writes to an idle socket without its stream', async () => {
    const { near, far } = await tcpPair();
    expect(writerOf(near).write(Buffer.from('hello'))).toBe(true);
    expect(near.bytesWritten).toBe(0);
    expect(String((await once(far, 'data'))[0])).toBe('hello');
  });

  it('keeps the order with what goes through the stream, whenever the peer reads', async () => {
    const { near, far } = await tcpPair();
    const writer = writerOf(near);
    const sent: Buffer[] = [];
    let number = 0;
    let full = 0;
    // Until the kernel has taken all it takes, and far more than that.
    while (full < 200) {
      const bytes = Buffer.alloc(1 + ((number * 7919) % 40_000), (number += 1));
      sent.push(bytes);
      if (number % 3 === 0) near.write(bytes);
      else if (!writer.write(bytes)) full += 1;
    }
    expect(near.writableLength).toBeGreaterThan(MIB);
    const got: Buffer[] = [];
    far.on('data', (bytes: Buffer) => got.push(bytes));
    await once(near, 'drain');
    const last = Buffer.from('last');
    expect(writer.write(last)).toBe(true);
    const expected = Buffer.concat([...sent, last]);
    await eventually(() => expect(got.reduce((sum, { length }) => sum + length, 0)).toBe(expected.length));
    expect(Buffer.concat(got).equals(expected)).toBe(true);
  });

  it('waits its turn behind what the stream holds back', async () => {
    const { near, far } = await tcpPair();
    const writer = writerOf(near);
    near.cork();
    near.write('first, ');
    writer.write(Buffer.from('second'));
    near.uncork();
    expect(near.writableLength).toBe(0);
    writer.write(Buffer.from(', third'));
    let got = '';
    far.on('data', (bytes: Buffer) => (got += String(bytes)));
    await eventually(() => expect(got).toBe('first, second, third'));
  });

  it('leaves a reset for the stream to tell', async () => {
    const { near, far } = await tcpPair();
    const writer = writerOf(near);
    // It is not read, so that only a write finds out.
    near.pause();
    far.resetAndDestroy();
    const error = once(near, 'error');
    while (!near.destroyed) {
      writer.write(Buffer.alloc(10));
      await new Promise(setImmediate);
    }
    expect((await error)[0]).toMatchObject({ code: expect.stringMatching(/EPIPE|ECONNRESET/) as string });
  });

  it('never writes to whoever has the descriptor of a closed socket', async () => {
    const { near } = await tcpPair();
    const writer = writerOf(near);
    near.on('error', () => undefined);
    near.destroy();
    await once(near, 'close');
    const directory = mkdtempSync(join(tmpdir(), 'direct-write-'));
    // The lowest free descriptor is taken: some of these have it.
    const files = Array.from({ length: 20 }, (_, index) => openSync(join(directory, String(index)), 'w'));
    writer.write(Buffer.from('not for a file'));
    expect(files.map((file) => fstatSync(file).size)).toEqual(files.map(() => 0));
    files.forEach(closeSync);
    rmSync(directory, { recursive: true });
  });
});
