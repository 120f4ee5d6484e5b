import { describe, expect, test } from 'vitest';
import { apiKey, apiKeysFile } from './api-key.ts';

const hash = 'ab'.repeat(32);
const full = {
  id: 'mobile',
  secretSha256: hash,
  maxClients: 100_000,
  maxTopics: 50,
  maxHistoryMessages: null,
  expiresAt: null,
  can: {
    register: true,
    subscribe: ['news.*', 'user.{user}.**'],
    publish: ['@clients', '@users', '**'],
    manage: [],
    create: ['room.*'],
    presence: ['@users', 'room.*'],
  },
};
const fields = (value: unknown) => apiKeysFile.safeParse(value).error?.issues.map(({ path }) => path.join('.')) ?? [];

describe('the keys file', () => {
  test('is read as it is documented', () => {
    expect(apiKeysFile.parse({ keys: [full] })).toEqual({ keys: [full] });
  });

  test('gives no right that it does not name', () => {
    expect(apiKey.parse({ id: 'a', secretSha256: hash })).toEqual({
      id: 'a',
      secretSha256: hash,
      maxClients: null,
      maxTopics: null,
      maxHistoryMessages: null,
      expiresAt: null,
      can: { register: false, subscribe: [], publish: [], manage: [], create: [], presence: [] },
    });
  });

  test('takes a hash in capitals', () => {
    expect(apiKey.parse({ ...full, secretSha256: hash.toUpperCase() }).secretSha256).toBe(hash);
  });

  test('takes a time with an offset, and no other', () => {
    expect(apiKey.parse({ ...full, expiresAt: '2027-01-01T00:00:00+02:00' }).expiresAt).toContain('+02:00');
    expect(apiKey.safeParse({ ...full, expiresAt: 'tomorrow' }).success).toBe(false);
  });

  test('names every fault at its place', () => {
    expect(fields({ keys: [full, full] })).toEqual(['keys.1.id']);
    expect(fields({ keys: [{ ...full, id: 'a.b' }] })).toEqual(['keys.0.id']);
    expect(fields({ keys: [{ ...full, secretSha256: 'secret', maxClients: -1 }] })).toEqual([
      'keys.0.secretSha256',
      'keys.0.maxClients',
    ]);
    expect(fields({ keys: [{ ...full, can: { manage: ['a*'], subscribe: ['@clients'] } }] })).toEqual([
      'keys.0.can.subscribe.0',
      'keys.0.can.manage.0',
    ]);
    expect(fields({ keys: [{ ...full, secret: 'x' }] })).toEqual(['keys.0']);
    const pusher = { appId: 'a', key: 'k', secret: 's', maxPresenceMembers: 1001 };
    expect(fields({ keys: [{ ...full, pusher }] })).toEqual(['keys.0.pusher.maxPresenceMembers']);
    expect(fields([])).toEqual(['']);
  });
});
