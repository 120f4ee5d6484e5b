import type { Socket } from 'node:net';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, it } from 'vitest';
import { SocketWriter } from './direct-write.ts';
import { broadcast } from './broadcast.ts';
import { MAX_BATCH } from './transport.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { tcpPair } from '../testing/tcp-pair.ts';

/** A prime, so that no piece of the bytes looks like another at a round distance. */
const PERIOD = 251;

/** A transport over a real socket, which keeps what it was given to send in the ordinary way. */
class PlainTransport extends RecordingTransport {
  readonly #writer: SocketWriter;

  constructor(socket: Socket) {
    super();
    this.#writer = new SocketWriter(socket, true);
  }

  get descriptor(): number {
    return this.#writer.descriptor;
  }

  override send(frames: Buffer): void {
    super.send(frames);
    this.#writer.write(frames);
  }
}

async function plain() {
  const pair = await tcpPair();
  const transport = new PlainTransport(pair.near);
  const got = { bytes: 0, parts: [] as Buffer[] };
  pair.far.on('data', (part: Buffer) => {
    got.bytes += part.length;
    got.parts.push(part);
  });
  return { ...pair, transport, got };
}

function sendTo(transports: RecordingTransport[], frames: Buffer): void {
  broadcast(transports, frames, () => undefined);
}

it('writes to idle sockets past everything, and to all others in the ordinary way', async () => {
  const idle = await Promise.all(Array.from({ length: MAX_BATCH - 1 }, plain));
  const other = new RecordingTransport();
  const frames = Buffer.from('to everybody');
  sendTo([...idle.map(({ transport }) => transport), other], frames);
  await eventually(() => expect(idle.map(({ got }) => got.bytes)).toEqual(idle.map(() => frames.length)));
  expect(idle.flatMap(({ transport }) => transport.writes)).toEqual([]);
  expect(other.writes).toEqual([frames]);
});

it('gives the ordinary way exactly what the kernel did not take', async () => {
  const [reads, stopped] = [await plain(), await plain()];
  stopped.far.pause();
  const frames = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % PERIOD));
  let rounds = 0;
  for (; stopped.transport.writes.length === 0; rounds += 1) {
    sendTo([stopped.transport, reads.transport], frames);
    await eventually(() => expect(reads.got.bytes).toBe(frames.length * (rounds + 1)));
  }
  stopped.far.resume();
  await eventually(() => expect(stopped.got.bytes).toBe(frames.length * rounds));
  const expected = Buffer.concat(Array.from({ length: rounds }, () => frames));
  expect(Buffer.concat(stopped.got.parts).equals(expected)).toBe(true);
});

it('reports each transport for which something waits', async () => {
  const idle = await plain();
  const [empty, full] = [new RecordingTransport(), new RecordingTransport()];
  full.stopped = true;
  const waiting: number[] = [];
  broadcast([full, idle.transport, empty], Buffer.from('to all'), (index) => waiting.push(index));
  expect(waiting).toEqual([0]);
});

it('leaves a socket that is closed to the ordinary way', async () => {
  const [gone, here] = [await plain(), await plain()];
  gone.near.destroy();
  const frames = Buffer.from('to who is there');
  gone.near.on('error', () => undefined);
  sendTo([gone.transport, here.transport], frames);
  expect(gone.transport.writes).toEqual([frames]);
  await eventually(() => expect(String(Buffer.concat(here.got.parts))).toBe('to who is there'));
  expect(gone.got.bytes).toBe(0);
});
