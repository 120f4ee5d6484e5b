import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterClose, closeCodes, parseRetryAfter, retryAfterReason } from './close-codes.ts';

/** RFC 6455, section 5.5: a control frame carries 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;

describe('close codes', () => {
  test('are those of the protocol, each with what the client does', () => {
    const table = Object.values(closeCodes).map(({ code, next }) => [code, next]);
    expect(table).toEqual([
      [1012, 'reconnect-after-delay'],
      [1013, 'reconnect-with-backoff'],
      [4400, 'stop'],
      [4401, 'authorize-again'],
      [4403, 'stop'],
      [4408, 'reconnect'],
      [4409, 'stop'],
      [4410, 'register-again'],
      [4429, 'reconnect-with-backoff'],
    ]);
  });

  test('have reasons that fit into a close frame', () => {
    for (const { reason } of Object.values(closeCodes)) {
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(MAX_REASON_BYTES);
    }
  });

  test('tell what to do, and codes that are not ours tell to reconnect', () => {
    for (const { code, next } of Object.values(closeCodes)) expect(afterClose(code)).toBe(next);
    expect(afterClose(1006)).toBe('reconnect');
    expect(afterClose(1001)).toBe('reconnect');
  });
});

describe('the delay of a 1012', () => {
  test('is read as it was written', () => {
    fc.assert(fc.property(fc.nat({ max: 999_999_999 }), (delay) => parseRetryAfter(retryAfterReason(delay)) === delay));
    expect(retryAfterReason(1500.4)).toBe('retry-after-ms=1500');
  });

  test('is absent from any other reason', () => {
    const others = ['', 'restarting', 'retry-after-ms=', 'retry-after-ms=-1', 'retry-after-ms=1x', ' retry-after-ms=1'];
    expect(others.filter((reason) => parseRetryAfter(reason) !== undefined)).toEqual([]);
  });
});
