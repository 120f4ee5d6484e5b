import { describe, expect, it } from 'vitest';
import { momentsBetween, nearest, pathOf, piecesOf, scaleTo } from './scale.ts';

describe('a scale', () => {
  it.each([
    [0, [0, 0.5, 1]],
    [7, [0, 5]],
    [25, [0, 10, 20]],
    [870, [0, 500]],
    [12_000, [0, 5_000, 10_000]],
  ])('to %d has at most four round values, and room above it', (highest, ticks) => {
    const scale = scaleTo(highest);
    expect(scale.ticks).toEqual(ticks);
    expect(scale.top).toBeGreaterThan(highest);
  });

  it('of whole numbers has no others', () => {
    expect(scaleTo(0, { whole: true }).ticks).toEqual([0, 1]);
    expect(scaleTo(1.5, { whole: true }).ticks).toEqual([0, 1]);
  });
});

it('moments are whole multiples, the ends included', () => {
  expect(momentsBetween(119, 361, 60)).toEqual([120, 180, 240, 300, 360]);
  expect(momentsBetween(121, 130, 60)).toEqual([]);
});

it('the nearest time is found, and none where there is none', () => {
  expect(nearest([10, 12, 14], 12.9)).toBe(1);
  expect(nearest([10, 12, 14], 99)).toBe(2);
  expect(nearest([], 5)).toBeNull();
});

it('a line is broken where a value is not known, and a single point is seen', () => {
  const [a, b, c] = [
    { x: 0, y: 1 },
    { x: 1, y: 2.04 },
    { x: 3, y: 0 },
  ];
  const pieces = piecesOf([null, a, b, null, c]);
  expect(pieces).toEqual([[a, b], [c]]);
  expect(pathOf(pieces)).toBe('M0 1L1 2M3 0h1');
});
