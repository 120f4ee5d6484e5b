import { apiKey } from '@holdfast/protocol/api-key';
import { describe, expect, test } from 'vitest';
import { identityOf, seesPresence } from './client-identity.ts';

const keyThatSees = (...presence: string[]) =>
  apiKey.parse({ id: 'web', secretSha256: '0'.repeat(64), can: { presence } });

describe('what a client sees of presence', () => {
  test.each([
    { why: 'nothing without a right of the key', of: [], may: null, sees: [] },
    { why: 'nothing without a right of the key, whatever it may', of: [], may: { presence: ['**'] }, sees: [] },
    { why: 'what the key may', of: ['room.*'], may: null, sees: [['room.*']] },
    {
      why: 'what the key may, where `may` says nothing of it',
      of: ['room.*'],
      may: { subscribe: [] },
      sees: [['room.*']],
    },
    { why: 'what both may', of: ['room.*'], may: { presence: ['**'] }, sees: [['room.*'], ['**']] },
    { why: 'nothing where it may see none', of: ['room.*'], may: { presence: [] }, sees: [] },
    { why: 'no topic by the right to see users', of: ['@users'], may: null, sees: [] },
    {
      why: 'topics beside the right to see users',
      of: ['@users', '*'],
      may: { presence: ['@users', 'a'] },
      sees: [['*'], ['a']],
    },
  ])('is $why', ({ of, may, sees }) => {
    expect(seesPresence(keyThatSees(...of), may)).toEqual(sees);
  });
});

test('of a client of which nothing was said nothing is known', () => {
  expect(identityOf(keyThatSees(), {})).toEqual({ user: null, info: null, may: null, seesPresence: [], token: null });
  expect(identityOf(keyThatSees(), { info: null }).info).toBeNull();
  expect(identityOf(keyThatSees(), { info: false }).info).toBe('false');
});
