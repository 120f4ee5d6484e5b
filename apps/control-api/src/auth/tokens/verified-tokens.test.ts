import { expect, test } from 'vitest';
import { VerifiedTokens } from './verified-tokens.ts';

test('past its number the least recently used is evicted', () => {
  const tokens = new VerifiedTokens<string>({ maxTokens: 2, maxBytes: Infinity });
  tokens.set('a', 'A', 0);
  tokens.set('b', 'B', 0);
  expect(tokens.get('a')).toBe('A');
  tokens.set('c', 'C', 0);
  expect([tokens.get('a'), tokens.get('b'), tokens.get('c'), tokens.size]).toEqual(['A', undefined, 'C', 2]);
});

test('large claims take the place of several, and give it back', () => {
  const tokens = new VerifiedTokens<string>({ maxTokens: 100, maxBytes: 10_000 });
  for (const hash of ['a', 'b', 'c']) tokens.set(hash, hash, 10);
  tokens.set('large', 'L', 1500);
  expect([tokens.get('a'), tokens.get('b'), tokens.get('c'), tokens.get('large')]).toEqual([
    undefined,
    undefined,
    undefined,
    'L',
  ]);
  tokens.set('large', 'small', 10);
  for (const hash of ['a', 'b', 'c']) tokens.set(hash, hash, 10);
  expect(tokens.size).toBe(4);
  tokens.set('none', 'larger than everything', 10_000);
  expect(tokens.size).toBe(0);
});
