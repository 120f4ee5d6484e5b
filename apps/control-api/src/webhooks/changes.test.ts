import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { expect, test } from 'vitest';
import { Changes } from './changes.ts';

test.each([
  ['Redis knows of no such lease', async () => false],
  ['Redis does not answer', () => Promise.reject(new RedisUnavailable(new Error('away')))],
])('what could not be written because %s is written with the next call, unless it is newer', async (_, fails) => {
  const written: unknown[] = [];
  let isBack = false;
  const moved = new Map([['1', '5-0']]);
  const changes = new Changes(
    {
      writeWebhook: async (_id, _token, given) => {
        if (!isBack) return fails();
        written.push(given);
        return true;
      },
    },
    { id: 'backend', token: 't', takeMoved: () => new Map([...moved, ...(moved.clear(), [])]) },
  );
  changes.state({ delivered: '1', failing: '1' });
  changes.delivery('1-4-0', null);
  const failed = changes.flush().catch(() => false);
  changes.state({ failing: '0' });
  expect(await failed).toBe(false);
  isBack = true;
  expect(await changes.flush()).toBe(true);
  expect(written).toEqual([
    {
      state: { delivered: '1', failing: '0' },
      cursors: new Map([['1', '5-0']]),
      deliveries: new Map([['1-4-0', null]]),
      done: new Map(),
    },
  ]);
});
