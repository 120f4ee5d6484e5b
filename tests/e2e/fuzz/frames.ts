import { mutated } from './mutate.ts';
import type { Random } from './random.ts';

/** RFC 6455, section 5.2. */
const FIN = 0x80;
const MASKED = 0x80;
const [CONTINUED, TEXT, CLOSE, PING, PONG] = [0x0, 0x1, 0x8, 0x9, 0xa];
const MAX_7 = 125;
const LENGTH_16 = 126;
const BLANKS = [' ', '\n', '\t', '\r'] as const;
const TEXTS = [
  '{"type":"ping"}',
  '{"type":"resume","positions":{}}',
  '{"type":"resume","positions":{"news.sport":"1732345678901-0","@me":"1732345678901-1"}}',
  '{"type":"resume","positions":{"__proto__":"1-0","constructor":"2-0"}}',
  '{"type":["ping"],"x":{"y":[[[[[[[[[1e400]]]]]]]]]}}',
  `{"type":"ping","${'κόσμε'.repeat(30)}":1}`,
  `{"type":"resume","positions":{"${'a'.repeat(300)}":"1-0","b":"${'9'.repeat(200)}"}}`,
  '['.repeat(5000),
  '{"type":"\\ud800","\\u0000":"\ufeff"}',
] as const;

/** A frame that keeps to RFC 6455: its masks, lengths, blanks and payloads are of chance. An edge goes on after each. */
export function soundFrames(random: Random): Buffer[] {
  switch (random.below(4)) {
    case 0:
      return [frame(FIN | PING, random.bytes(random.below(MAX_7 + 1)), random)];
    case 1:
      return [frame(FIN | PONG, random.bytes(random.below(MAX_7 + 1)), random)];
    case 2:
      return [frame(FIN | TEXT, Buffer.from(spaced('{"type":"ping"}', random)), random)];
    default:
      return inPieces(Buffer.from(spaced('{"type":"ping"}', random)), random);
  }
}

/** A frame with anything wrong with it, or nothing. */
export function wildFrame(random: Random): Buffer {
  const opcode = random.chance(0.5) ? TEXT : random.pick([CONTINUED, 0x2, 0x3, CLOSE, PING, PONG, 0xf] as const);
  const payload = random.chance(0.7) ? Buffer.from(random.pick(TEXTS)) : random.bytes(random.below(300));
  const sound = frame((random.chance(0.8) ? FIN : 0) | opcode, payload, random);
  return mutated(sound, random);
}

function inPieces(text: Buffer, random: Random): Buffer[] {
  const cut = random.below(text.length + 1);
  return [
    frame(TEXT, text.subarray(0, cut), random),
    frame(FIN | PING, random.bytes(random.below(8)), random),
    frame(FIN | CONTINUED, text.subarray(cut), random),
  ];
}

function spaced(text: string, random: Random): string {
  return text.replaceAll(/[{}:,]/g, (mark) => {
    const blanks = Array.from({ length: random.below(random.chance(0.05) ? 200 : 4) }, () => random.pick(BLANKS));
    return mark === '}' ? blanks.join('') + mark : mark + blanks.join('');
  });
}

function frame(first: number, payload: Buffer, random: Random): Buffer {
  const head = payload.length > MAX_7 ? Buffer.alloc(4) : Buffer.alloc(2);
  head[0] = first;
  head[1] = MASKED | (payload.length > MAX_7 ? LENGTH_16 : payload.length);
  if (payload.length > MAX_7) head.writeUInt16BE(payload.length, 2);
  const mask = random.bytes(4);
  return Buffer.concat([head, mask, Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)))]);
}
