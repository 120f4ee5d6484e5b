import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MIN_PAYLOAD_BYTES, digestOf, encodePayload, payloadOf } from './payload.ts';

it('a payload has exactly the bytes asked for, and says the same when it is read', () => {
  const any = fc.record({
    run: fc.constant('0123abcd'),
    n: fc.nat({ max: 10_000_000 }),
    sentAt: fc.double({ min: 0, max: 1e12, noNaN: true }),
  });
  fc.assert(
    fc.property(any, fc.integer({ min: MIN_PAYLOAD_BYTES, max: 65_536 }), (payload, bytes) => {
      const text = encodePayload(payload, bytes);
      expect(Buffer.byteLength(text)).toBe(bytes);
      const read = payloadOf(JSON.parse(text), payload.run);
      expect(read).toMatchObject({ run: payload.run, n: payload.n });
      expect(read?.sentAt).toBeCloseTo(payload.sentAt, 3);
    }),
  );
});

it('a payload of another run, or anything else, is not one of ours', () => {
  const text = encodePayload({ run: 'other', n: 1, sentAt: 1 }, MIN_PAYLOAD_BYTES);
  for (const value of [JSON.parse(text), null, 7, 'text', [], {}, { run: 'ours' }]) {
    expect(payloadOf(value, 'ours')).toBeUndefined();
  }
});

it('payloads that differ in one character have different digests', () => {
  expect(digestOf('{"a":1}')).not.toBe(digestOf('{"a":2}'));
});
