import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientFrame, opcode, readFrames } from './frames.ts';

function serverFrame(code: number, payload: Buffer): Buffer {
  if (payload.length < 126) return Buffer.concat([Buffer.from([0x80 | code, payload.length]), payload]);
  const header = Buffer.alloc(payload.length < 65_536 ? 4 : 10);
  header[0] = 0x80 | code;
  header[1] = header.length === 4 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(payload.length, 2);
  else header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}

/** Reads a stream that arrives in these pieces, in one buffer that is used again for each. */
function readAll(pieces: readonly Buffer[]) {
  const frames: Buffer[] = [];
  const broken: string[] = [];
  const shared = Buffer.alloc(500_000);
  let rest: Buffer | undefined;
  for (const piece of pieces) {
    piece.copy(shared);
    rest = readFrames(rest, shared, piece.length, {
      onFrame: (_, bytes, from, to) => frames.push(Buffer.from(bytes.subarray(from, to))) > 0,
      onBrokenStream: (why) => broken.push(why),
    });
    shared.fill(0);
  }
  return { frames, broken, rest };
}

describe('readFrames', () => {
  it('reads the same frames however the stream is cut into pieces', () => {
    const payloads = fc.array(fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(125, 126, 65_535, 65_536)), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 8 }), (sizes, cuts) => {
        const sent = sizes.map((size, index) => Buffer.alloc(size, 97 + index));
        const stream = Buffer.concat(sent.map((payload) => serverFrame(opcode.text, payload)));
        const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].toSorted((a, b) => a - b);
        const pieces = places.slice(1).map((to, index) => stream.subarray(places[index], to));
        const { frames, broken, rest } = readAll(pieces);
        // Not toEqual on the bytes: a difference would be printed in full.
        expect(frames.map(({ length }) => length)).toEqual(sizes);
        expect(frames.every((frame, index) => frame.equals(sent[index] ?? Buffer.alloc(0)))).toBe(true);
        expect({ broken, rest }).toEqual({ broken: [], rest: undefined });
      }),
    );
  });

  it.each([
    ['a fragmented message', [0x01, 0x00]],
    ['reserved bits are set', [0xc1, 0x00]],
    ['a masked frame from a server', [0x81, 0x80, 0, 0, 0, 0]],
    ['frame type 3', [0x83, 0x00]],
    ['a control frame of more than 125 bytes', [0x89, 126, 0, 126]],
    ['a frame of 4294967296 bytes', [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]],
  ])('calls a stream broken by %s', (why, bytes) => {
    expect(readAll([Buffer.from(bytes)])).toMatchObject({ frames: [], broken: [why] });
  });
});

it('clientFrame masks its payload, so that unmasking gives it back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (payload) => {
      const frame = clientFrame(opcode.text, Buffer.from(payload));
      const long = payload.length >= 126;
      expect(frame[0]).toBe(0x81);
      expect(frame[1]).toBe(0x80 | (long ? 126 : payload.length));
      expect(long ? frame.readUInt16BE(2) : payload.length).toBe(payload.length);
      const mask = frame.subarray(long ? 4 : 2, long ? 8 : 6);
      const body = frame.subarray(long ? 8 : 6).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      expect([...body]).toEqual([...payload]);
    }),
  );
});
