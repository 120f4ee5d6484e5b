import type { KnownApp } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { expect, it } from 'vitest';
import { app } from '../testing/pusher-edge.ts';
import { type AppInUse, Apps } from './apps.ts';

function setup() {
  const state = { now: 0, stored: app as KnownApp | 'unknown' | 'none', away: false, reads: 0 };
  const removed: AppInUse[] = [];
  const apps = new Apps({
    readApp: () => {
      state.reads += 1;
      return state.away ? Promise.reject(new RedisUnavailable(new Error('away'))) : Promise.resolve(state.stored);
    },
    onRemoved: (one) => removed.push(one),
    onError: () => undefined,
    now: () => state.now,
  });
  return { state, apps, removed };
}

it('an app is read once for all that ask for it, and again every five seconds', async () => {
  const { state, apps } = setup();
  const [one, other] = await Promise.all([apps.read('app-key'), apps.read('app-key')]);
  expect(one).toBe(other);
  expect(apps.get('app-key')).toMatchObject({ kind: 'app', app: { known: app } });
  state.now = 4999;
  await apps.tend();
  expect(state.reads).toBe(1);
  state.now = 5000;
  state.stored = { ...app, secret: 'new' };
  await apps.tend();
  expect(apps.get('app-key')).toMatchObject({ app: { known: { secret: 'new' } } });
});

it('a key of no app is believed to be one for a second, and at most 1,000 are kept', async () => {
  const { state, apps } = setup();
  state.stored = 'unknown';
  expect(await apps.read('k0')).toEqual({ kind: 'unknown' });
  expect(apps.get('k0')).toEqual({ kind: 'unknown' });
  state.now = 1000;
  expect(apps.get('k0')).toBeNull();
  for (let index = 0; index <= 1000; index += 1) await apps.read(`k${index}`);
  expect(apps.get('k0')).toBeNull();
  expect(apps.get('k1')).toEqual({ kind: 'unknown' });
});

it('an app is taken away when Redis has had others without it for 15 seconds', async () => {
  const { state, apps, removed } = setup();
  await apps.read('app-key');
  state.stored = 'unknown';
  for (state.now = 5000; state.now < 20_000; state.now += 5000) await apps.tend();
  expect(removed).toEqual([]);
  await apps.tend();
  expect(removed.map(({ known }) => known.key)).toEqual(['app-key']);
  expect(apps.get('app-key')).toEqual({ kind: 'unknown' });
});

it('an app stays while Redis is away, has none at all, or has it again in time', async () => {
  const { state, apps, removed } = setup();
  await apps.read('app-key');
  for (const stored of ['unknown', app, 'unknown', 'none'] as const) {
    state.now += 10_000;
    state.stored = stored;
    await apps.tend();
  }
  state.away = true;
  state.now += 60_000;
  await apps.tend();
  expect(removed).toEqual([]);
  expect(apps.get('app-key')?.kind).toBe('app');
});

it('without any app nothing is known', async () => {
  const { state, apps } = setup();
  state.stored = 'none';
  expect(await apps.read('app-key')).toEqual({ kind: 'none' });
  expect(apps.get('app-key')).toBeNull();
});
