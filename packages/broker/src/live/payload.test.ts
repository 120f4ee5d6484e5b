import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DELETED, LISTENING, SETTINGS, decodeLive, encodeCount, encodeProbe, encodeServed } from './payload.ts';

const decode = (text: string) => decodeLive(Buffer.from(text));

describe('what travels on a live channel', () => {
  test('is a message with the bytes that were published, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(), fc.nat(), (bytes, time, sequence) => {
        const data = Buffer.from(bytes);
        const payload = Buffer.concat([Buffer.from(`${time}-0 ${time}-${sequence} `), data]);
        expect(decodeLive(payload)).toEqual({ kind: 'message', prev: `${time}-0`, id: `${time}-${sequence}`, data });
      }),
    );
  });

  test('is a word about the topic, the edge or a client', () => {
    expect(decode(DELETED)).toEqual({ kind: 'deleted' });
    expect(decode(SETTINGS)).toEqual({ kind: 'settings' });
    expect(decode(LISTENING)).toEqual({ kind: 'listening' });
    expect(decode(encodeCount('q1'))).toEqual({ kind: 'count', surveyId: 'q1' });
    expect(decode(encodeServed('q1', 'c1'))).toEqual({ kind: 'served', surveyId: 'q1', clientId: 'c1' });
    expect(decode(encodeProbe('n1'))).toEqual({ kind: 'probe', nonce: 'n1' });
  });

  test.each(['', ' ', 'count', 'served q1', encodeProbe(''), 'novel 1 2', '1-0', '1-0 2-0', '"text"', '\u0000'])(
    'may be foreign: %j',
    (text) => {
      expect(decode(text)).toEqual({ kind: 'foreign' });
    },
  );

  test('never makes the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeLive(Buffer.from(bytes)).kind).toBeTypeOf('string');
      }),
    );
  });
});
