import { connect } from 'node:net';
import { startService, type Service } from '@holdfast/local/services';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { closeOf, handshakeLines } from '../testing/raw-client.ts';
import { readServerFrames } from '../testing/raw-frame.ts';
import { PROBED, frameCases } from '../testing/rfc6455-cases.ts';

const mine = prefix();
let control: Control;
let edge: Service;
let port: number;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const env = { REDIS_URL: redisUrl(), REDIS_PREFIX: mine, EDGE_PORT: '0', EDGE_DRAIN_SECONDS: '0' };
  edge = await startService({ app: 'socket-edge', env });
  port = Number(new URL(edge.url).port);
});
afterAll(async () => {
  await edge.stop();
  await control.stop();
});

/** The frames that a real edge answers with, after its welcome; behind a close frame the end of the connection is awaited. */
async function answersTo(parts: readonly Buffer[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  const client = await control.register();
  socket.write(`${handshakeLines(`/v1/connect?client=${client}`).join('\r\n')}\r\n\r\n`);
  let bytes = Buffer.alloc(0);
  const ended = closeOf(socket);
  const frames = (): string[] => readServerFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)).slice(1);
  const welcomed = Promise.withResolvers<void>();
  const probed = Promise.withResolvers<void>();
  socket.on('data', (part: Buffer) => {
    bytes = Buffer.concat([bytes, part]);
    if (bytes.includes('"type":"welcome"')) welcomed.resolve();
    if (frames().includes(PROBED)) probed.resolve();
    if (frames().some((frame) => frame.startsWith('close'))) socket.end();
  });
  await welcomed.promise;
  // Each in a packet of its own, as far as that can be had: it has left before the next one is written.
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve));
  await Promise.race([probed.promise, ended]);
  socket.destroy();
  return frames();
}

it.each(frameCases)('RFC 6455, section $section: $what: $requires', async ({ sends, seen }) => {
  expect(await answersTo(sends)).toEqual(seen);
});
