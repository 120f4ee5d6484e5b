import type { Random } from './random.ts';

/** What a length, a count or a code is most likely to be taken wrongly at. */
const EDGES = [0x00, 0x01, 0x7d, 0x7e, 0x7f, 0x80, 0xfd, 0xfe, 0xff] as const;
const MOST_MUTATIONS = 3;
const MOST_REPEATED = 16;

/** Some bytes changed, cut out, put in, doubled or moved. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let result: Buffer = bytes;
  for (let left = 1 + random.below(MOST_MUTATIONS); left > 0; left -= 1) result = once(result, random);
  return result;
}

function once(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.below(8));
  const [before, piece, behind] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  switch (random.below(7)) {
    case 0:
      return Buffer.concat([before, Buffer.from(piece.map((byte) => byte ^ (1 << random.below(8)))), behind]);
    case 1:
      return Buffer.concat([before, Buffer.from([random.pick(EDGES)]), behind]);
    case 2:
      return Buffer.concat([before, behind]);
    case 3:
      return Buffer.concat([before, random.bytes(1 + random.below(8)), piece, behind]);
    case 4:
      return Buffer.concat([before, ...Array.from({ length: random.below(MOST_REPEATED) }, () => piece), behind]);
    case 5:
      return before;
    default:
      return Buffer.concat([behind, before, piece]);
  }
}
