import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, expect, it } from 'vitest';
import { Connection, type Transport } from './connection.ts';
import { DirectWriter, NOT_DIRECT } from './direct-write.ts';
import { MOST_AT_ONCE, fanOut } from './fan-out.ts';
import { newTally } from './tally.ts';
import { RecordingTransport } from './testing/recording-transport.ts';
import { type TcpPair, tcpPair } from './testing/tcp-pair.ts';

let pairs: TcpPair[] = [];

afterEach(() => {
  for (const { near, far } of pairs) {
    near.destroy();
    far.destroy();
  }
  pairs = [];
});

/** A transport over a real socket, which keeps what it was given to send in the ordinary way. */
class PlainTransport extends RecordingTransport {
  readonly #writer: DirectWriter;

  constructor(writer: DirectWriter) {
    super();
    this.#writer = writer;
  }

  override get descriptor(): number {
    return this.#writer.descriptor;
  }

  override send(frames: Buffer): void {
    super.send(frames);
    this.#writer.write(frames);
  }
}

async function plain() {
  const pair = await tcpPair();
  pairs.push(pair);
  const writer = DirectWriter.of(pair.near);
  if (writer === null) throw new Error('a plain TCP socket has one');
  const transport = new PlainTransport(writer);
  const got = { bytes: 0 };
  pair.far.on('data', ({ length }: Buffer) => (got.bytes += length));
  return { ...pair, transport, connection: connectionOf(transport), got };
}

function connectionOf(transport: Transport): Connection {
  return new Connection('1', 'client', transport, 'open', '0-0', newTally());
}

it('writes to idle sockets past everything, and to all others in the ordinary way', async () => {
  const idle = await Promise.all(Array.from({ length: MOST_AT_ONCE - 1 }, plain));
  const other = new RecordingTransport();
  const frames = Buffer.from('to everybody');
  fanOut([...idle.map(({ connection }) => connection), connectionOf(other)], frames);
  await eventually(() => expect(idle.map(({ got }) => got.bytes)).toEqual(idle.map(() => frames.length)));
  expect(idle.flatMap(({ transport }) => transport.writes)).toEqual([]);
  expect(other.writes).toEqual([frames]);
});

it('gives the ordinary way exactly what the kernel did not take', async () => {
  const [reads, stopped] = [await plain(), await plain()];
  stopped.far.pause();
  const frames = Buffer.alloc(1_000_000, 'x');
  let rounds = 0;
  for (; stopped.transport.writes.length === 0; rounds += 1) {
    fanOut([stopped.connection, reads.connection], frames);
    await eventually(() => expect(reads.got.bytes).toBe(frames.length * (rounds + 1)));
  }
  expect(stopped.transport.descriptor).toBe(NOT_DIRECT);
  stopped.far.resume();
  await eventually(() => expect(stopped.got.bytes).toBe(frames.length * rounds));
});

it('leaves alone who has ended', async () => {
  const { connection, transport, near, got } = await plain();
  near.destroy();
  connection.end();
  fanOut([connection], Buffer.from('too late'));
  expect(transport.writes).toEqual([]);
  expect(got.bytes).toBe(0);
});
