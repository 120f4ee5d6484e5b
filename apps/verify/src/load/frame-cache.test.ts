import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameCache } from './frame-cache.ts';

const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 }), { minLength: 1, maxLength: 40 });

it('recognises only what was kept, wherever it lies in the buffer', () => {
  fc.assert(
    fc.property(texts, texts, fc.nat({ max: 9 }), (kept, asked, offset) => {
      const cache = new FrameCache<string>();
      const at = (text: string) => Buffer.from(' '.repeat(offset) + text + '!');
      for (const text of kept) cache.keep(at(text), offset, offset + text.length, text);
      for (const text of [...kept, ...asked]) {
        const found = cache.find(at(text), offset, offset + text.length);
        expect([undefined, text]).toContain(found);
      }
      const last = kept.at(-1) ?? '';
      expect(cache.find(at(last), offset, offset + last.length)).toBe(last);
    }),
  );
});

it('keeps its own copy of the bytes', () => {
  const cache = new FrameCache<number>();
  const buffer = Buffer.from('a frame that is longer than what is left out of the hash');
  cache.keep(buffer, 0, buffer.length, 1);
  const before = Buffer.from(buffer);
  buffer.fill('x');
  expect(cache.find(before, 0, before.length)).toBe(1);
  expect(cache.find(buffer, 0, buffer.length)).toBeUndefined();
});
