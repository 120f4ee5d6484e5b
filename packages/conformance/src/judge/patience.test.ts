import { expect, it } from 'vitest';
import { boundWith } from './patience.ts';

it('more patience than by default is added to the bounds of scenarios, less is not taken from them', () => {
  expect(boundWith(15_000, 8000)).toBe(8000);
  expect(boundWith(10_000, 8000)).toBe(8000);
  expect(boundWith(40_000, 8000)).toBe(33_000);
});
