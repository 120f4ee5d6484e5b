import { expect, it } from 'vitest';
import { PendingHandshakes } from './claim.ts';

it('keeps a change for every handshake of the client that is under way, and for no other', () => {
  const pending = new PendingHandshakes();
  pending.onChange('a');
  pending.begin('a');
  expect(pending.end('a')).toBe(false);
  pending.begin('a');
  pending.begin('a');
  pending.begin('b');
  pending.onChange('a');
  expect([pending.end('a'), pending.end('a'), pending.end('b')]).toEqual([true, true, false]);
  pending.begin('a');
  expect([pending.end('a'), pending.end('a')]).toEqual([false, false]);
});

it('reports whether a handshake of a client is under way', () => {
  const pending = new PendingHandshakes();
  expect(pending.has('a')).toBe(false);
  pending.begin('a');
  pending.begin('a');
  pending.end('a');
  expect([pending.has('a'), pending.has('b')]).toEqual([true, false]);
  pending.end('a');
  expect(pending.has('a')).toBe(false);
});
