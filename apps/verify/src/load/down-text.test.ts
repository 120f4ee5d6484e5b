import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDownText } from './down-text.ts';

describe('the payload of a message', () => {
  it('is its text, byte for byte, also where printing it again would change it', () => {
    for (const payload of [
      '{ "a" : 1 }',
      '1.0',
      '"\\u0061"',
      '{"data":{"data":1}}',
      '{"__proto__": 1}',
      'null',
      '"x,\\"data\\":1"',
    ]) {
      const text = `{"type":"message","topic":"a.b","id":"1-0","data":${payload}}`;
      expect(readDownText(text)).toMatchObject({ ok: true, payloadText: payload });
    }
  });

  it('is found for any JSON value', () => {
    fc.assert(
      fc.property(fc.json(), (payload) => {
        const text = `{"type":"message","topic":"a","id":"1-0","data":${payload}}`;
        const read = readDownText(text);
        expect(read.ok && read.payloadText).toBe(payload);
      }),
    );
  });

  it('is printed again when the members stand in another order', () => {
    const read = readDownText('{"data":{ "a": 1 },"type":"message","topic":"a","id":"1-0"}');
    expect(read).toMatchObject({ ok: true, payloadText: '{"a":1}' });
  });
});

it('what is no frame of the protocol is not read', () => {
  for (const text of ['', '{', 'null', '{"type":"message"}', '{"type":"other"}']) {
    expect(readDownText(text)).toEqual({ ok: false });
  }
});
