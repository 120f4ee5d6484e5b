import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { withPalette } from './palette-png.ts';

it('a picture of few colours keeps each of them', () => {
  // Two pixels, red and blue with alpha, in a row without a filter, and the same once more by the filter "up".
  const rows = Buffer.from([0, 255, 0, 0, 255, 0, 0, 255, 255, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  const png = Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', Buffer.from([0, 0, 0, 2, 0, 0, 0, 2, 8, 6, 0, 0, 0])),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  const made = withPalette(png);
  const palette = made.subarray(made.indexOf('PLTE') + 4, made.indexOf('PLTE') + 10);
  expect([...palette]).toEqual([255, 0, 0, 0, 0, 255]);
  expect(isPalette(made)).toBe(true);
});

/** What is written begins as a PNG of eight bits a pixel by palette. */
function isPalette(png: Buffer): boolean {
  return png.readUInt32BE(16) === 2 && png.readUInt32BE(20) === 2 && png[24] === 8 && png[25] === 3;
}

/** Without its check, which is not read. */
function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
}
