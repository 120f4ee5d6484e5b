import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { Connection } from '../connection/connection.ts';
import { meterReceivers } from './metered-receiver.ts';
import { BURST_SECONDS, type FrameLimits, GRACE_SECONDS } from './frame-meter.ts';
import type { Hub } from '../connection/hub.ts';
import { newCounters } from '../counters.ts';
import { someClaim } from '../testing/some-claim.ts';
import { maskedFrame, rawSocket } from '../testing/raw-client.ts';
import { defaults } from '../testing/running-edge.ts';
import { bindSocket, createSocketServer } from './ws-transport.ts';

const TEXT = 0x81;
const TEXT_TO_GO_ON = 0x01;
const CONTINUED = 0x00;
const CONTINUED_END = 0x80;
const PING = 0x89;
const PONG = 0x8a;
/** RFC 6455, section 5.2: lengths in 16 and in 64 bits. */
const LONG = 0xfe;
const LONGER = 0xff;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** A server of ours whose hub notes in which turn of the event loop each text came, and which connections were closed. */
async function serve(frames: FrameLimits = defaults.frames) {
  const turnsOfTexts: number[] = [];
  const sentAway: Connection[] = [];
  let turn = 0;
  let counting = setImmediate(function count() {
    turn += 1;
    counting = setImmediate(count);
  });
  onTestFinished(() => clearImmediate(counting));
  const hub = {
    onText: () => turnsOfTexts.push(turn),
    onTooManyFrames: (connection: Connection) => sentAway.push(connection),
    onBadFrame: (connection: Connection) => connection.close({ code: 4400, reason: 'bad-frame', next: 'stop' }),
    onClosed: () => undefined,
    onDrain: () => undefined,
  } as unknown as Hub;
  const sockets = createSocketServer(frames);
  const server = createServer().on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      bindSocket(ws, socket, { handler: hub, direct: true, open });
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { turnsOfTexts, sentAway, client: () => rawSocket(port, '/') };
}

const open = (transport: Connection['transport']) => new Connection(someClaim(), transport, 'open', newCounters());

const many = (count: number, frame: Buffer) => Buffer.concat(Array.from({ length: count }, () => frame));
const close = maskedFrame(0x88, Buffer.from([0x03, 0xe8]));

it('of frames that came together each is worked on in a turn of its own', async () => {
  const { turnsOfTexts, client } = await serve();
  const peer = await client();
  peer.socket.write(Buffer.concat([many(100, maskedFrame(TEXT, Buffer.from('x'))), close]));
  expect(await peer.closeCode()).toBe(1000);
  expect(turnsOfTexts).toHaveLength(100);
  expect(new Set(turnsOfTexts).size).toBe(100);
});

it.each<[string, Buffer]>([
  ['of 16 bits for 125', Buffer.concat([Buffer.from([TEXT, LONG, 0, 125]), Buffer.alloc(4 + 125)])],
  ['of 64 bits for 125', Buffer.concat([Buffer.from([TEXT, LONGER, 0, 0, 0, 0, 0, 0, 0, 125]), Buffer.alloc(4 + 125)])],
  ['of 64 bits for 65,535', Buffer.concat([Buffer.from([TEXT, LONGER, 0, 0, 0, 0, 0, 0, 255, 255]), Buffer.alloc(4)])],
])('a length %s bytes is refused', async (_, frame) => {
  const { turnsOfTexts, client } = await serve();
  const peer = await client();
  peer.socket.write(frame);
  expect(await peer.closeCode()).toBe(4400);
  expect(turnsOfTexts).toEqual([]);
});

it.each([126, 65_535])('the shortest form of %i bytes is taken', async (length) => {
  const { turnsOfTexts, client } = await serve();
  const peer = await client();
  peer.socket.write(Buffer.concat([maskedFrame(TEXT, Buffer.alloc(length, 'x')), close]));
  expect(await peer.closeCode()).toBe(1000);
  expect(turnsOfTexts).toHaveLength(1);
});

it('a client that goes on sending too much is slowed down to its rate, then closed with 4429', async () => {
  const fewFrames = { framesPerSecond: 2, bytesPerSecond: 1_000_000 };
  const text = maskedFrame(TEXT, Buffer.from('x'));
  const inPieces = [TEXT_TO_GO_ON, CONTINUED, CONTINUED, CONTINUED_END].map((byte) =>
    maskedFrame(byte, Buffer.from('x')),
  );
  const floods: [FrameLimits, Buffer][] = [
    [fewFrames, text],
    [fewFrames, maskedFrame(PING, Buffer.alloc(0))],
    [fewFrames, maskedFrame(PONG, Buffer.alloc(0))],
    [fewFrames, Buffer.concat(inPieces)],
    [{ framesPerSecond: 1000, bytesPerSecond: 2000 }, maskedFrame(TEXT, Buffer.alloc(1000, 'x'))],
  ];
  const flooding = floods.map(async ([limits, frame]) => {
    const { turnsOfTexts, sentAway, client } = await serve(limits);
    const peer = await client();
    const begun = performance.now();
    peer.socket.write(many(200, frame));
    const code = await peer.closeCode();
    const seconds = (performance.now() - begun) / 1000;
    return { code, sentAway: sentAway.length, texts: turnsOfTexts.length, seconds };
  });
  for (const { code, sentAway, texts, seconds } of await Promise.all(flooding)) {
    expect({ code, sentAway }).toEqual({ code: 4429, sentAway: 1 });
    // Its burst, and what its rate gave it in the grace, which ends late on a busy machine.
    expect(texts).toBeLessThanOrEqual(2 * (BURST_SECONDS + Math.max(GRACE_SECONDS, seconds)) + 2);
  }
});

it('the receivers of ws must be those that this was written for', () => {
  expect(() => meterReceivers({} as never)).toThrow(/not the receivers of ws 8/);
});
