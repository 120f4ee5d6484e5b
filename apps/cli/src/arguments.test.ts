import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { commaList, futureTime, httpUrl, messageText, webSocketUrl, wholeNumber } from './arguments.ts';

describe('options', () => {
  it('take several names by commas, by repetition, or both', () => {
    expect(commaList('c , d', commaList('a,b,'))).toEqual(['a', 'b', 'c', 'd']);
    expect(() => commaList(' , ')).toThrow(InvalidArgumentError);
  });

  it('take whole numbers and nothing like them', () => {
    expect(wholeNumber('1000')).toBe(1000);
    for (const text of ['', '-1', '1.5', '1e3', '0x10', '9'.repeat(16)]) {
      expect(() => wholeNumber(text)).toThrow(InvalidArgumentError);
    }
  });

  it('take a date or a time to come, and make it RFC 3339', () => {
    expect(futureTime('2999-01-31')).toBe('2999-01-31T00:00:00.000Z');
    expect(futureTime('2999-01-31T12:00:00+02:00')).toBe('2999-01-31T10:00:00.000Z');
    for (const text of ['tomorrow', '2999', '2999-13-01', '2001-01-01']) {
      expect(() => futureTime(text)).toThrow(InvalidArgumentError);
    }
  });

  it('take only URLs of the kind they need', () => {
    expect(httpUrl('https://push.example.com/api')).toBe('https://push.example.com/api');
    expect(webSocketUrl('ws://127.0.0.1:7701')).toBe('ws://127.0.0.1:7701');
    expect(() => httpUrl('ws://127.0.0.1:7701')).toThrow(InvalidArgumentError);
    expect(() => webSocketUrl('127.0.0.1:7701')).toThrow(InvalidArgumentError);
  });
});

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
