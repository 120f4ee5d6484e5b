import { afterEach, describe, expect, it, vi } from 'vitest';
import { Stopwatch, tokenLifeMs } from './token-life.ts';

const token = (claims: unknown): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
const END = '2030-01-01T01:00:00.000Z';

afterEach(() => vi.restoreAllMocks());

describe('the life of a token', () => {
  it('is what is left by the clock of the server', () => {
    expect(tokenLifeMs('', END, 'Tue, 01 Jan 2030 00:00:00 GMT')).toBe(3_600_000);
    expect(tokenLifeMs(token({ iat: 0, exp: 5 }), END, 'Tue, 01 Jan 2030 01:00:10 GMT')).toBe(-10_000);
  });

  it('is what the token was given where no clock is shown', () => {
    expect(tokenLifeMs(token({ iat: 1000, exp: 1060, sub: 'ÿÿ?>~~' }), END, null)).toBe(60_000);
  });

  it.each(['', 'a.b', 'a.bnVsbA.c', token({ exp: '5', iat: 1 }), token(null), token([])])(
    'is not known of %j: what the edge says then holds',
    (text) => {
      expect(tokenLifeMs(text, END, null)).toBe(Infinity);
      expect(tokenLifeMs(text, undefined, 'Tue, 01 Jan 2030 00:00:00 GMT')).toBe(Infinity);
    },
  );
});

describe('time', () => {
  it('goes on when one of two clocks stands still or is set back', () => {
    const ticks = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const wall = vi.spyOn(Date, 'now').mockReturnValue(50_000);
    const watch = new Stopwatch();
    wall.mockReturnValue(60_000);
    expect(watch.elapsedMs).toBe(10_000);
    ticks.mockReturnValue(3000);
    wall.mockReturnValue(0);
    expect(watch.elapsedMs).toBe(2000);
  });
});
