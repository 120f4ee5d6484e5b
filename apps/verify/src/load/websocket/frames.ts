import { randomFillSync } from 'node:crypto';

/** Frame types of RFC 6455, section 5.2. */
export const opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameSink {
  /** One whole frame; its payload is `bytes[from, to)`, valid until this returns. Giving `false` stops the reading. */
  onFrame(code: number, bytes: Buffer, from: number, to: number): boolean;
  /** The stream broke the protocol; nothing more is read. */
  onBrokenStream(why: string): void;
}

/** An edge's frames hold one message of at most 64 KiB and a few names; a length far beyond it is a broken stream. */
const MAX_FRAME_BYTES = 1 << 20;

const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;

/**
 * Hands every whole frame in `rest` followed by `chunk[0, end)` to the sink, and gives back a copy of what is left of a
 * frame that has not arrived in full; undefined when nothing is left, or when the reading was stopped.
 */
export function readFrames(rest: Buffer | undefined, chunk: Buffer, end: number, sink: FrameSink): Buffer | undefined {
  let bytes = chunk;
  if (rest !== undefined) {
    bytes = Buffer.concat([rest, chunk.subarray(0, end)]);
    end = bytes.length;
  }
  let at = 0;
  while (end - at >= 2) {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const why = faultOf(first, second);
    if (why !== undefined) {
      sink.onBrokenStream(why);
      return undefined;
    }
    let length = second;
    let from = at + 2;
    if (length === 126) {
      if (end - at < 4) break;
      length = bytes.readUInt16BE(at + 2);
      from = at + 4;
    } else if (length === 127) {
      if (end - at < 10) break;
      length = Number(bytes.readBigUInt64BE(at + 2));
      from = at + 10;
    }
    if (length > MAX_FRAME_BYTES) {
      sink.onBrokenStream(`a frame of ${length} bytes`);
      return undefined;
    }
    if (from + length > end) break;
    if (!sink.onFrame(first & 0x0f, bytes, from, from + length)) return undefined;
    at = from + length;
  }
  return at === end ? undefined : Buffer.from(bytes.subarray(at, end));
}

/** An edge never fragments: a message is one frame, so that the same buffer can go to every subscriber. */
function faultOf(first: number, second: number): string | undefined {
  if ((first & FIN) === 0) return 'a fragmented message';
  if ((first & RESERVED) !== 0) return 'reserved bits are set';
  if ((second & MASKED) !== 0) return 'a masked frame from a server';
  const code = first & 0x0f;
  if (code !== 1 && code !== 2 && code !== 8 && code !== 9 && code !== 10) return `frame type ${code}`;
  if (code > 2 && second > 125) return 'a control frame of more than 125 bytes';
  return undefined;
}

/** A frame from a client: final, masked (RFC 6455, section 5.3), with a payload below 64 KiB. */
export function clientFrame(code: number, payload: Buffer): Buffer {
  const headerBytes = payload.length < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(headerBytes + 4 + payload.length);
  frame[0] = FIN | code;
  if (headerBytes === 2) {
    frame[1] = MASKED | payload.length;
  } else {
    frame[1] = MASKED | 126;
    frame.writeUInt16BE(payload.length, 2);
  }
  randomFillSync(frame, headerBytes, 4);
  const body = headerBytes + 4;
  for (let index = 0; index < payload.length; index += 1) {
    frame[body + index] = (payload[index] ?? 0) ^ (frame[headerBytes + (index & 3)] ?? 0);
  }
  return frame;
}
