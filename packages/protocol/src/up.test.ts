import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_CLIENT_FRAME_BYTES } from './limits.ts';
import { decodeUpFrame } from './up.ts';

const refused = (text: string) => {
  const decoded = decodeUpFrame(text);
  return decoded.ok ? null : decoded.why;
};

describe('a frame from a client', () => {
  test('is a ping, or a resume with its positions', () => {
    expect(decodeUpFrame('{"type":"ping"}')).toEqual({ ok: true, frame: { type: 'ping' } });
    expect(decodeUpFrame('{"type":"resume","positions":{}}')).toEqual({
      ok: true,
      frame: { type: 'resume', positions: {} },
    });
    const positions = { 'news.sport': '1732345678901-0', '@me': '5-1', constructor: '7-0', toString: '8-0' };
    expect(decodeUpFrame(JSON.stringify({ type: 'resume', positions }))).toEqual({
      ok: true,
      frame: { type: 'resume', positions },
    });
    for (const more of [true, false]) {
      const frame = { type: 'resume', positions: { news: '0-0' }, more };
      expect(decodeUpFrame(JSON.stringify(frame))).toEqual({ ok: true, frame });
    }
  });

  test('is refused with what is wrong when it is anything else', () => {
    expect(refused('')).toBe('not JSON');
    expect(refused('{"type":"ping"')).toBe('not JSON');
    expect(refused('{"type":"pong"}')).toMatch(/^type: /);
    expect(refused('null')).toMatch(/^frame: /);
    expect(refused('[]')).toMatch(/^frame: /);
    expect(refused('"ping"')).toMatch(/^frame: /);
    expect(refused('{"type":"ping","more":1}')).toMatch(/more/);
    expect(refused('{"type":"resume"}')).toMatch(/^positions: /);
    expect(refused('{"type":"resume","positions":{"news":"yesterday"}}')).toMatch(/^positions\.news: /);
    expect(refused('{"type":"resume","positions":{"no topic":"1-0"}}')).toMatch(/^positions\.no topic: /);
    expect(refused('{"type":"resume","positions":["1-0"]}')).toMatch(/^positions: /);
    expect(refused('{"type":"resume","positions":{},"more":1}')).toMatch(/^more: /);
    for (const position of ['01-0', '1-00', '0-', '-1-0', '1-0 ', '1_0', '1234567890123456-0']) {
      expect(refused(JSON.stringify({ type: 'resume', positions: { news: position } }))).toMatch(/^positions\.news: /);
    }
  });

  test('never throws, whatever the text', () => {
    const text = fc.array(fc.nat({ max: 0x10_ffff })).map((codes) => String.fromCodePoint(...codes));
    const frame = fc.oneof(
      text,
      fc.json(),
      fc
        .record({ type: fc.constantFrom('ping', 'resume', 'x'), positions: fc.jsonValue() })
        .map((it) => JSON.stringify(it)),
      fc.dictionary(fc.string(), fc.string()).map((positions) => JSON.stringify({ type: 'resume', positions })),
    );
    fc.assert(
      fc.property(frame, (given) => {
        const decoded = decodeUpFrame(given);
        expect(decoded.ok || decoded.why.length > 0).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('never throws at depth, in a frame of the largest size and beyond', () => {
    for (const size of [MAX_CLIENT_FRAME_BYTES, 400_000]) {
      expect(refused('['.repeat(size))).toBe('not JSON');
      expect(refused('['.repeat(size / 2) + ']'.repeat(size / 2))).toBeTypeOf('string');
      expect(refused('{"type":"resume","positions":'.repeat(size / 29))).toBe('not JSON');
      const deep = `{"type":"resume","positions":${'['.repeat(size / 2)}${']'.repeat(size / 2)}}`;
      expect(refused(deep)).toMatch(/^positions: /);
    }
  });

  test('leaves every prototype alone', () => {
    const hostile = '{"type":"resume","positions":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}';
    expect(decodeUpFrame(hostile).ok).toBe(false);
    const decoded = decodeUpFrame('{"type":"resume","positions":{"__proto__":"1-0","news":"2-0"}}');
    expect(decoded).toEqual({ ok: true, frame: { type: 'resume', positions: { news: '2-0' } } });
    expect('polluted' in {}).toBe(false);
  });
});
