import { expect, it } from 'vitest';
import { Openings } from './openings.ts';

it('keeps a letter for every handshake of the client that is under way, and for no other', () => {
  const openings = new Openings();
  openings.onLetter('a');
  openings.begin('a');
  expect(openings.end('a')).toBe(false);
  openings.begin('a');
  openings.begin('a');
  openings.begin('b');
  openings.onLetter('a');
  expect([openings.end('a'), openings.end('a'), openings.end('b')]).toEqual([true, true, false]);
  openings.begin('a');
  expect([openings.end('a'), openings.end('a')]).toEqual([false, false]);
});
