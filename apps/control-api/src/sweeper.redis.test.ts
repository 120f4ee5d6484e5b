import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSweeping, sweep } from './sweeper.ts';
import { type TestApi, startTestApi } from './test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test('a sweep asks for abandoned registrations of every key, and says what it settled', async () => {
  const asked: [string, number][] = [];
  const broker = {
    ...api.broker,
    recoverAbandoned: async (key: string, olderThanMs: number) => {
      asked.push([key, olderThanMs]);
      return key === 'news' ? 2 : api.broker.recoverAbandoned(key, olderThanMs);
    },
  };
  await sweep(broker, api.keys, api.log.logger);
  expect(asked).toEqual(api.keys.ids().map((id) => [id, 60_000]));
  expect(api.log.saying('settled registrations that were left half done')).toMatchObject([{ key: 'news', settled: 2 }]);
});

test('a key that cannot be swept does not keep the others from it', async () => {
  const [first, ...others] = api.keys.ids();
  const swept: string[] = [];
  const broker = {
    ...api.broker,
    recoverAbandoned: async (key: string) => {
      if (key === first) throw new Error('its node is away');
      swept.push(key);
      return 0;
    },
  };
  await expect(sweep(broker, api.keys, api.log.logger)).rejects.toThrow('its node is away');
  expect(swept).toEqual(others);
});

test('sweeping goes on by itself until it is stopped, also after a sweep that failed', async () => {
  let sweeps = 0;
  const broker = {
    ...api.broker,
    reapEdges: async () => {
      sweeps += 1;
      throw new Error('this time');
    },
  };
  const stop = startSweeping(broker, api.keys, api.log.logger);
  await eventually(() => expect(sweeps).toBeGreaterThan(1), { timeoutMs: 20_000 });
  stop();
  expect(api.log.saying('sweep failed').length).toBeGreaterThan(0);
});
