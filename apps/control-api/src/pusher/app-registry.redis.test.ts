import { apiKeysFile } from '@holdfast/protocol/api-key';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { KeyRing } from '../auth/authentication.ts';
import { type TestApi, startTestApi } from '../testing/api.ts';
import { startAppRegistry } from './app-registry.ts';

let api: TestApi;
let edge: ReturnType<typeof edgeBroker>;
beforeAll(async () => {
  api = await startTestApi();
  edge = edgeBroker(api.redis.commands, api.prefix);
});
afterAll(() => api.stop());
beforeEach(async () => void (await api.redis.commands.del(`${api.prefix}apps`)));

const app = (name: string) => ({ appId: name, key: `key-of-${name}`, secret: 'a-secret' });
const keysOf = (...keys: object[]) =>
  apiKeysFile.parse({ keys: keys.map((key) => ({ secretSha256: '0'.repeat(64), ...key })) }).keys;

const SOON_MS = 50;
const NEVER_MS = 3_600_000;

function started(everyMs: number, ...keys: object[]): KeyRing {
  const ring = new KeyRing(keysOf(...keys));
  const { stop } = startAppRegistry({ broker: api.broker, keys: ring, logger: api.log.logger, everyMs });
  onTestFinished(stop);
  return ring;
}

describe('the apps of the keys', () => {
  test('are known to edges at the start, with all that an edge needs', async () => {
    const changing = { ...app('shop'), previousSecret: 'the-one-before' };
    started(NEVER_MS, { id: 'web', pusher: { ...changing, clientEvents: true } }, { id: 'plain' });
    await eventually(async () =>
      expect(await edge.readApp('key-of-shop')).toEqual({
        ...changing,
        apiKey: 'web',
        clientEvents: true,
        subscriptionCount: false,
        maxEventBytes: 10_240,
        maxPresenceMembers: 100,
      }),
    );
    expect(await edge.readApp('plain')).toBe('unknown');
  });

  test('are others at once when the keys change: one that is gone is unknown', async () => {
    const ring = started(NEVER_MS, { id: 'web', pusher: app('shop') });
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' }));
    ring.replace(keysOf({ id: 'web', pusher: app('blog') }));
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toBe('unknown'));
    expect(await edge.readApp('key-of-blog')).toMatchObject({ appId: 'blog' });
  });

  test('are none when their key has expired', async () => {
    started(
      SOON_MS,
      { id: 'old', pusher: app('old'), expiresAt: '2020-01-01T00:00:00Z' },
      { id: 'web', pusher: app('shop'), expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
    );
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' }));
    expect(await edge.readApp('key-of-old')).toBe('unknown');
    vi.useFakeTimers({ now: Date.now() + 3_600_000, toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toBe('unknown'));
  });

  test('are written again to a Redis that has lost them', async () => {
    started(SOON_MS, { id: 'web', pusher: app('shop') });
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' }));
    await api.redis.commands.del(`${api.prefix}apps`);
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' }));
  });

  test('of no key leave nothing in Redis', async () => {
    const ring = started(SOON_MS, { id: 'plain' });
    ring.replace(keysOf({ id: 'plain' }, { id: 'other' }));
    await eventually(async () => expect(await edge.readApp('key-of-shop')).toBe('none'));
    expect(await api.redis.commands.exists(`${api.prefix}apps`)).toBe(0);
  });
});

test('apps stay known after the stop, and are not written any more', async () => {
  const ring = new KeyRing(keysOf({ id: 'web', pusher: app('shop') }));
  const { stop } = startAppRegistry({ broker: api.broker, keys: ring, logger: api.log.logger });
  await eventually(async () => expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' }));
  stop();
  ring.replace(keysOf({ id: 'web', pusher: app('blog') }));
  // What the change would have begun has gone to Redis before this.
  expect(await edge.readApp('key-of-blog')).toBe('unknown');
  expect(await edge.readApp('key-of-shop')).toMatchObject({ apiKey: 'web' });
});
