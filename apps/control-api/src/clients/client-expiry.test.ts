import { NO_IDENTITY } from '@holdfast/broker/client-identity';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { expect, test } from 'vitest';
import { KeyRing } from '../auth/authentication.ts';
import { clientExpiry, lastUsed } from './client-expiry.ts';

const END = 2_000_000;
const LEEWAY_MS = 30_000;
const identity = (expiresAt: number) => ({ ...NO_IDENTITY, token: { expiresAt, issuedAt: 1_000_000, topics: [] } });

test.each([
  ['without a token, whenever that is', NO_IDENTITY, 9_000_000, 9_000_000],
  ['before its end', identity(END), END - 1, END - 1],
  ['after its end, which its tries to connect do not move', identity(END), 9_000_000, END + LEEWAY_MS],
  ['and is revoked, for it may come back with another token', identity(1), 9_000_000, 9_000_000],
])('a client was used last when it was released %s', (_when, known, since, used) => {
  expect(lastUsed({ since, identity: known })).toBe(used);
});

test('what was said at the registration wins over the API key, and that over the service', () => {
  const secretSha256 = '0'.repeat(64);
  const { keys } = apiKeysFile.parse({ keys: [{ id: 'k', secretSha256, clientExpirySeconds: 100 }] });
  const expiry = clientExpiry(new KeyRing(keys), 7);
  const registered = { ...NO_IDENTITY, expirySeconds: 300 };
  expect(expiry({ key: 'k', identity: registered })).toBe(300);
  expect(expiry({ key: 'k', identity: NO_IDENTITY })).toBe(100);
  expect(expiry({ key: 'another', identity: registered })).toBe(300);
  expect(expiry({ key: 'another', identity: NO_IDENTITY })).toBe(7);
});
