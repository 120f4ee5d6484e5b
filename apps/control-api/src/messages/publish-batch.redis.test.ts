import { apiKeysFile } from '@holdfast/protocol/api-key';
import { createMetrics } from '@holdfast/service/metrics';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClientRates } from '../limits/client-rates.ts';
import { createCounts } from '../observability/metrics.ts';
import { publishBatch } from './publish-batch.ts';
import { type TestApi, startTestApi } from '../testing/api.ts';
import { principalOfKey } from '../auth/principal.ts';

let api: TestApi;
const metrics = createMetrics({ service: 'test' });
beforeAll(async () => {
  api = await startTestApi();
  await api.topics('one', 'two');
});
afterAll(async () => {
  metrics.stop();
  await api.stop();
});

const { keys } = apiKeysFile.parse({
  keys: [{ id: 'all', secretSha256: 'a'.repeat(64), can: { publish: ['**'] } }],
});

test('messages of one topic that take several calls are sent one call after the other', async () => {
  const underWay = new Map<string, number>();
  let most = 0;
  let calls = 0;
  // The first of several calls may have to be sent again (NOSCRIPT, TRYAGAIN): the next must not overtake it.
  const broker = {
    ...api.broker,
    publishAll: async (...[topic, messages]: Parameters<typeof api.broker.publishAll>) => {
      calls += 1;
      underWay.set(topic, (underWay.get(topic) ?? 0) + 1);
      most = Math.max(most, underWay.get(topic) ?? 0);
      const outcomes = await api.broker.publishAll(topic, messages);
      underWay.set(topic, (underWay.get(topic) ?? 0) - 1);
      return outcomes;
    },
  };
  const messages = Array.from({ length: 300 }, (_, index) => ({
    topics: ['one', 'two'],
    data: Buffer.from(String(index)),
  }));
  const [key] = keys;
  if (key === undefined) throw new Error('there is a key');
  const results = await publishBatch(
    { broker, keys: api.keys, rates: new ClientRates(1), counts: createCounts(metrics) },
    principalOfKey(key),
    messages,
  );
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(calls).toBeGreaterThan(4);
  expect(most).toBe(1);
  for (const topic of ['one', 'two']) {
    const page = await api.broker.readLog(topic, null, 1000);
    expect(page?.entries.map(({ data }) => data.toString())).toEqual(messages.map((_, index) => String(index)));
  }
});
