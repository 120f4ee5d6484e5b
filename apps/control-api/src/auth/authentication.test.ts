import { createHash } from 'node:crypto';
import { apiKey } from '@holdfast/protocol/api-key';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { KeyRing } from './authentication.ts';

const secretSha256 = createHash('sha256').update('se.cret').digest('hex');
const key = (id: string, expiresAt: string | null = null) => apiKey.parse({ id, secretSha256, expiresAt });
const withApp = (id: string, expiresAt: string | null) =>
  apiKey.parse({ id, secretSha256, expiresAt, pusher: { appId: id, key: `key-of-${id}`, secret: 's' } });
const HOUR_MS = 3_600_000;

describe('a key ring', () => {
  const ring = new KeyRing([
    key('mobile'),
    key('expired', new Date(Date.now() - HOUR_MS).toISOString()),
    key('lasting', new Date(Date.now() + HOUR_MS).toISOString()),
  ]);

  test('gives the key that is presented with its secret', () => {
    expect(ring.check('mobile.se.cret').id).toBe('mobile');
    expect(ring.check('lasting.se.cret').id).toBe('lasting');
  });

  test.each([
    [undefined, 'key-missing'],
    ['', 'key-missing'],
    ['mobile', 'key-unknown'],
    ['mobile.', 'key-unknown'],
    ['.se.cret', 'key-unknown'],
    ['mobile.se.cre', 'key-unknown'],
    ['mobile.se.cret ', 'key-unknown'],
    [`mobile.${secretSha256}`, 'key-unknown'],
    ['missing.se.cret', 'key-unknown'],
    ['__proto__.se.cret', 'key-unknown'],
    ['expired.wrong', 'key-unknown'],
    ['expired.se.cret', 'key-expired'],
  ])('refuses %j with %s', (presented, code) => {
    expect(() => ring.check(presented)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('has the app of a key until the key expires', () => {
    const soon = Date.now() + HOUR_MS;
    const apps = new KeyRing([withApp('lasting', null), withApp('ending', new Date(soon).toISOString())]);
    expect(apps.appInForce('lasting')?.key).toBe('key-of-lasting');
    expect(apps.appInForce('ending')?.key).toBe('key-of-ending');
    expect(apps.appInForce('missing')).toBeNull();
    vi.useFakeTimers({ now: soon, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    expect(apps.appInForce('lasting')?.key).toBe('key-of-lasting');
    expect(apps.appInForce('ending')).toBeNull();
  });

  test('forgets the keys that it is not given again', () => {
    const changing = new KeyRing([key('old')]);
    changing.replace([key('new')]);
    expect(changing.ids()).toEqual(['new']);
    expect(() => changing.check('old.se.cret')).toThrow(expect.objectContaining({ code: 'key-unknown' }) as Error);
  });
});
