import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { openBroker } from '../testing/brokers.ts';

const { control } = await openBroker();

test('an API key that was never used has nothing', async () => {
  expect(await control.readKeyUsages(['never'])).toEqual([{ clients: 0, topics: 0, historyMessages: 0, usedAt: null }]);
  expect(await control.readKeyUsages([])).toEqual([]);
});

test('what it has is counted, and when it was used is kept beside', async () => {
  const key = randomUUID();
  await control.noteKeyUsed(key, 1000);
  for (let count = 0; count < 2; count += 1) {
    const client = { clientId: randomUUID(), key, name: null, registeredAt: Date.now(), topics: new Map() };
    await control.register(client, null);
  }
  await control.putTopicOf({ key, quotaOf: () => undefined }, `usage.${key}`, { size: 70 });
  await control.noteKeyUsed(key, 2000);
  expect(await control.readKeyUsages(['never', key])).toEqual([
    { clients: 0, topics: 0, historyMessages: 0, usedAt: null },
    { clients: 2, topics: 1, historyMessages: 70, usedAt: 2000 },
  ]);
});
