import { describe, expect, it } from 'vitest';
import { messageText } from './json-input.ts';

describe('a message to publish', () => {
  it('goes out as it was given: numbers keep every digit, keys their order', () => {
    const text = '{"b": 12345678901234567890, "a": 1.0}';
    expect(messageText(` ${text}\n`, false)).toBe(text);
  });

  it('is a JSON string when it is text', () => {
    expect(messageText('say "hi"\n', true)).toBe('"say \\"hi\\"\\n"');
  });

  it.each(['', '{a:1}', 'hello', '{"a":1'])('that is not JSON is refused, with a way out: %j', (input) => {
    expect(() => messageText(input, false)).toThrow(/not JSON[^]*--text/);
  });
});
