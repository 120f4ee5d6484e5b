import { describe, expect, it } from 'vitest';
import { MIN_MESSAGE_BYTES, Stamper, encodeMessage } from './message.ts';

describe('a message', () => {
  it.each([MIN_MESSAGE_BYTES, 150, 4000])('is JSON of exactly %i bytes', (bytes) => {
    const text = encodeMessage(1, 7, 42n, bytes);
    expect(text).toHaveLength(bytes);
    expect(JSON.parse(text)).toMatchObject({ stamp: '@1.0000000007.0000000000000000042@' });
  });

  it('is numbered from 1 in each topic', () => {
    const stamper = new Stamper(150);
    const numbers = [stamper.next(5), stamper.next(5), stamper.next(6)].map((text) => /@0\.(\d+)\./.exec(text)?.[1]);
    expect(numbers.map(Number)).toEqual([1, 2, 1]);
  });
});
