import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Intent, decodeIntent, encodeIntent } from './intent.ts';
import { newIncarnation } from '../random.ts';

const common = { clientId: fc.uuid(), name: fc.string(), nonce: fc.constant('bm9u'), user: fc.string() };
const intent: fc.Arbitrary<Intent> = fc.oneof(
  fc.record({ act: fc.constant('register' as const), ...common }),
  fc.record({ act: fc.constant('unregister' as const), ...common, own: fc.constant('b3du') }),
);

test('an intent is decoded as it was encoded, and encoded in one way only', () => {
  fc.assert(
    fc.property(intent, (given) => {
      const note = encodeIntent(given);
      expect(decodeIntent(note)).toEqual(given);
      expect(encodeIntent(decodeIntent(note))).toBe(note);
    }),
  );
});

test.each(['', 'ann'])('the registration of a client is encoded the same, whatever the order of its fields', (user) => {
  const registration = { act: 'register', clientId: randomUUID(), name: 'bob', nonce: newIncarnation(), user } as const;
  const unregistration = { ...registration, act: 'unregister', own: newIncarnation() } as const;
  const { act: _, own: __, ...rest } = unregistration;
  expect(encodeIntent({ act: 'register', ...rest })).toBe(encodeIntent(registration));
  expect(encodeIntent(unregistration)).not.toBe(encodeIntent(registration));
});

test('an intent without a user is encoded as ever, so that one of an earlier version is completed', () => {
  const registration = { act: 'register', clientId: 'c', name: '', nonce: '1', user: '' } as const;
  expect(encodeIntent(registration)).toBe('["register","c","","1"]');
  expect(encodeIntent({ ...registration, act: 'unregister', own: '2' })).toBe('["unregister","c","","1","2"]');
});
