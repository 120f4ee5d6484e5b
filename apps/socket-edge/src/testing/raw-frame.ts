/** RFC 6455, section 5.2. */
export const OPCODE = { continued: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

const NO_MASK = Buffer.alloc(0);
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const MAX_7 = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_16 = 0xffff;

export interface RawFrame {
  opcode: number;
  payload?: Buffer | string;
  fin?: boolean;
  /** The three reserved bits as a number. */
  reserved?: number;
  masked?: boolean;
  /** In how many bits the length is written; by default in as few as it takes. */
  lengthBits?: 7 | 16 | 64;
  /** The length that the header declares, where it is another one. */
  declaredLength?: bigint;
}

/** A frame as it goes over the wire, right or wrong. */
export function rawFrame({
  opcode,
  payload = '',
  fin = true,
  reserved = 0,
  masked = true,
  ...length
}: RawFrame): Buffer {
  const bytes = Buffer.from(payload);
  const declaredLength = length.declaredLength ?? BigInt(bytes.length);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = masked ? MASK : NO_MASK;
  return Buffer.concat([
    Buffer.from([first]),
    lengthOf(declaredLength, masked, length.lengthBits),
    mask,
    xor(bytes, mask),
  ]);
}

function lengthOf(declaredLength: bigint, masked: boolean, bits: RawFrame['lengthBits']): Buffer {
  const bit = masked ? 0x80 : 0;
  const form = bits ?? (declaredLength <= MAX_7 ? 7 : declaredLength <= MAX_16 ? 16 : 64);
  if (form === 7) return Buffer.from([bit | Number(declaredLength)]);
  const head = Buffer.alloc(form === 16 ? 3 : 9);
  head[0] = bit | (form === 16 ? LENGTH_16 : LENGTH_64);
  if (form === 16) head.writeUInt16BE(Number(declaredLength), 1);
  else head.writeBigUInt64BE(declaredLength, 1);
  return head;
}

function xor(bytes: Buffer, mask: Buffer): Buffer {
  return mask.length === 0 ? bytes : Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % mask.length] ?? 0)));
}

/** The payload of a close frame. */
export function closing(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** What a server sent, a line for each whole frame: `text {"type":"pong"}`, `pong abc`, `close 4400 bad-frame: …`. */
export function readServerFrames(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const opcode = bytes.readUInt8(at) & 0x0f;
    let length = bytes.readUInt8(at + 1);
    let start = at + 2;
    if (length === LENGTH_16 || length === LENGTH_64) {
      const wide = length === LENGTH_16 ? 2 : 8;
      if (start + wide > bytes.length) break;
      length = wide === 2 ? bytes.readUInt16BE(start) : Number(bytes.readBigUInt64BE(start));
      start += wide;
    }
    if (start + length > bytes.length) break;
    lines.push(lineOf(opcode, bytes.subarray(start, start + length)));
    at = start + length;
  }
  return lines;
}

function lineOf(opcode: number, payload: Buffer): string {
  const name = Object.entries(OPCODE).find(([, value]) => value === opcode)?.[0] ?? `opcode ${opcode}`;
  if (opcode !== OPCODE.close) return `${name} ${payload.toString()}`.trim();
  return payload.length === 0 ? name : `${name} ${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`.trim();
}
