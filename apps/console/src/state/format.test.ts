import { expect, it } from 'vitest';
import { bytes, count, duration, milliseconds, percent, rate, timeOf } from './format.ts';

it('numbers are short, and exact as long as they can be read', () => {
  expect([count(0), count(12_345), count(1_234_567), count(null)]).toEqual(['0', '12,345', '1.2M', '–']);
  expect([rate(0.257), rate(12.34), rate(4_321), rate(undefined)]).toEqual(['0.257', '12.3', '4,321', '–']);
  expect([percent(0.123), percent(null)]).toEqual(['12 %', '–']);
  expect([bytes(0), bytes(1024), bytes(1_500_000), bytes(2 ** 43)]).toEqual(['0 B', '1 KiB', '1.43 MiB', '8 TiB']);
  expect([milliseconds(0.42), milliseconds(12), milliseconds(1_234)]).toEqual(['0.42 ms', '12 ms', '1.23 s']);
});

it.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3_725, '1 h 2 min'],
  [86_400 + 5, '1 d'],
  [-3, '0 s'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it('a duration has as many units as are asked for', () => {
  expect(duration(3_725, 1)).toBe('1 h');
});

it('the id of a message has its time', () => {
  expect(timeOf('1732345678901-12')).toBe(1_732_345_678_901);
});
