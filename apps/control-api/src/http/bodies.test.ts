import { describe, expect, test } from 'vitest';
import { parseJson } from './bodies.ts';

const detailOf = (bytes: Buffer): string => {
  try {
    parseJson(bytes);
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  throw new Error('was parsed');
};

describe('a body', () => {
  test('is parsed, with keys such as __proto__ as plain own fields', () => {
    const value = parseJson(Buffer.from('{"__proto__":{"admin":true},"a":1}')) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__', 'a']);
    expect((value as { admin?: unknown }).admin).toBeUndefined();
  });

  test('that is not JSON is refused, telling where it breaks and quoting nothing', () => {
    expect(detailOf(Buffer.from('{"secret":"5" 6'))).toBe('The body is not JSON: it breaks at character 14');
    // Not every message of the parser has a place.
    for (const text of ['', '{"secret": x}']) expect(detailOf(Buffer.from(text))).toBe('The body is not JSON');
  });

  test('that is not UTF-8 is refused', () => {
    expect(detailOf(Buffer.from([0x22, 0x80, 0x22]))).toBe('The body is not valid UTF-8');
  });
});
