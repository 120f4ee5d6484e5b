import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BEGINNING, POSITION_FORM, comparePositions, laterOf } from './position-order.ts';
import { position } from './positions.ts';

const MOST = 999_999_999_999_999;
/** Near each other, so that equal times are common. */
const part = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: MOST }));
const pair = fc.tuple(part, part);
const spell = ([milliseconds, sequence]: readonly [number, number]) => `${milliseconds}-${sequence}`;
const value = (text: string) => {
  const [milliseconds = '', sequence = ''] = text.split('-');
  return (BigInt(milliseconds) << 64n) + BigInt(sequence);
};

describe('a position', () => {
  test('is two numbers with a dash between them', () => {
    fc.assert(fc.property(pair, (numbers) => position.parse(spell(numbers)) === spell(numbers)));
    const wrong = ['', '-', '1', '1-', '-1', '1-0-0', 'a-0', '1-0\n', ' 1-0', '+1-0', '1e3-0', `${'9'.repeat(16)}-0`];
    expect(wrong.filter((text) => position.safeParse(text).success)).toEqual([]);
  });

  test('has one form only: two that compare as equal are the same text', () => {
    const other = ['00-0', '01-0', '1-00', '1-01', '01732345678901-0', '1732345678901-00'];
    expect(other.filter((text) => position.safeParse(text).success)).toEqual([]);
    expect(['0-0', '0-1', '1-0', '10-10'].filter((text) => !position.safeParse(text).success)).toEqual([]);
  });

  test('holds numbers that are exact', () => {
    const largest = `${'9'.repeat(15)}-${'9'.repeat(15)}`;
    expect(POSITION_FORM.test(largest)).toBe(true);
    expect(Number.isSafeInteger(MOST)).toBe(true);
    expect(comparePositions(largest, `${MOST}-${MOST - 1}`)).toBeGreaterThan(0);
  });

  test('comes before another as its numbers do, not its letters', () => {
    fc.assert(
      fc.property(pair, pair, (one, other) => {
        const [a, b] = [spell(one), spell(other)];
        const difference = value(a) - value(b);
        const sign = difference === 0n ? 0 : difference > 0n ? 1 : -1;
        expect(Math.sign(comparePositions(a, b))).toBe(sign);
        expect(laterOf(a, b)).toBe(sign >= 0 ? a : b);
      }),
    );
    expect(comparePositions('9-0', '10-0')).toBeLessThan(0);
    expect(comparePositions('1-9', '1-10')).toBeLessThan(0);
  });

  test('is never below the beginning', () => {
    fc.assert(
      fc.property(pair, (numbers) => {
        expect(comparePositions(spell(numbers), BEGINNING)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
