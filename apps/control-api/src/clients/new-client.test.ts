import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { expect, test } from 'vitest';
import { registerNew } from './new-client.ts';

const client = { key: 'k', name: null, registeredAt: 0, topics: new Map<string, string>() };
const moving = new RedisUnavailable(new Error('TRYAGAIN Multiple keys request during rehashing of slot'));

/** Registers with a Redis that fails so for the first ids. Gives the ids that were tried. */
async function tried(failures: number, failure: Error) {
  const ids: string[] = [];
  const register = async ({ clientId }: { clientId: string }) => {
    ids.push(clientId);
    if (ids.length <= failures) throw failure;
    return 'registered' as const;
  };
  const result = await registerNew({ register }, client, null).catch((error: unknown) => error);
  return { ids, result };
}

test('another id is taken while the slot of one moves', async () => {
  const { ids, result } = await tried(1, moving);
  expect(new Set(ids).size).toBe(2);
  expect(result).toEqual({ clientId: ids[1], outcome: 'registered' });
});

test('it ends when many slots move, and after any other failure at once', async () => {
  expect(await tried(9, moving)).toMatchObject({ ids: { length: 3 }, result: moving });
  const away = new RedisUnavailable(new Error('no answer within 1500 ms'));
  expect(await tried(9, away)).toMatchObject({ ids: { length: 1 }, result: away });
});
