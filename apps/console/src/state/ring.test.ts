import { expect, it } from 'vitest';
import { Ring } from './ring.ts';

it('the oldest sample makes room for the newest, in all series', () => {
  const ring = new Ring(2, ['a', 'b']);
  expect(ring.of('a')).toEqual([]);
  ring.push(1, { a: 10, b: null });
  ring.push(2, { a: 20, b: 5 });
  ring.push(3, { a: null, b: 6 });
  expect(ring.times).toEqual([2, 3]);
  expect(ring.of('a')).toEqual([20, null]);
  expect(ring.of('b')).toEqual([5, 6]);
});
