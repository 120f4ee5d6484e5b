import { randomUUID } from 'node:crypto';
import { bucketOf, redisKeys } from './keys.ts';
import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { describe, expect, test } from 'vitest';
import type { BrokenRecord } from './broken-records.ts';
import { controlBroker } from './redis-broker.ts';
import { openBroker, someone } from './testing/brokers.ts';

const { redis, prefix } = await openBroker();
const reported: BrokenRecord[] = [];
const control = controlBroker(redis, prefix, (record) => reported.push(record));
const keys = redisKeys(prefix);

describe('a record that is broken', () => {
  test('is passed over in lists and reported once, without the id of the client', async () => {
    const whole = someone({});
    await control.register(whole, null);
    const [wrongType, withoutKey] = [randomUUID(), randomUUID()];
    for (const id of [wrongType, withoutKey]) await redis.zadd(keys.clientBucket(bucketOf(id)), 0, id);
    await redis.set(keys.client(wrongType), 'x');
    await redis.hset(keys.client(withoutKey), 'n', 'somebody');
    await control.putTopic('whole', {});
    await redis.zadd(keys.topics(), 0, 'broken');
    await redis.set(keys.topic('broken'), 'x');

    for (let time = 0; time < 2; time += 1) {
      expect((await control.listClients(null, 10)).items.map(({ clientId }) => clientId)).toEqual([whole.clientId]);
      expect((await control.listTopics(null, 10)).items.map(({ topic }) => topic)).toEqual(['whole']);
      expect(await control.readClient(wrongType)).toBeNull();
    }
    expect(reported.map(({ kind }) => kind).toSorted()).toEqual(['client', 'client', 'topic']);
    expect(JSON.stringify(reported)).not.toMatch(/[0-9a-f]{8}-/);
  });

  test('that is an index of clients hides none of the others', async () => {
    const before = await control.listClients(null, 10);
    const taken = before.items.map(({ clientId }) => bucketOf(clientId));
    const name = ['fff', 'ffe'].find((bucket) => !taken.includes(bucket)) ?? '';
    await redis.set(keys.clientBucket(name), 'x');
    const found = await control.listClients(null, 10);
    expect(found.items).toHaveLength(1);
    expect(reported).toContainEqual(expect.objectContaining({ kind: 'index of clients', name }));
  });
});

describe('a page of clients', () => {
  test('holds at most so many bytes, and the next ones hold all the others', async () => {
    const own = await openBroker();
    const names = Array.from({ length: 900 }, (_, index) => `${'x'.repeat(190)}.${index}`);
    const topics = new Map(names.map((name) => [name, '1-0']));
    const ids: string[] = [];
    for (let client = 0; client < 12; client += 1) {
      const one = someone({ topics });
      ids.push(one.clientId);
      await own.control.register(one, null);
    }
    const seen: string[] = [];
    let pages = 0;
    for (let cursor: string | null = null; pages === 0 || cursor !== null; pages += 1) {
      const page = await own.control.listClients(cursor, 1000);
      const bytes = page.items.reduce((sum, { topics: some }) => sum + [...some.keys()].join().length, 0);
      expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
      seen.push(...page.items.map(({ clientId }) => clientId));
      cursor = page.cursor;
    }
    expect(seen).toEqual(ids.toSorted());
    expect(pages).toBe(12);
  });
});
