import { describe, expect, test } from 'vitest';
import type { TopicQuota } from '../broker.ts';
import { openBroker } from '../testing/brokers.ts';

const { redis, keys, control } = await openBroker();

function ownerWith(key: string, quota: Partial<TopicQuota>) {
  return { key, quotaOf: () => ({ maxTopics: null, maxHistoryMessages: null, ...quota }) };
}

async function counted(key: string): Promise<(string | null)[]> {
  return redis.hmget(keys.key(key), 'topics', 'history');
}

describe('what a key may make', () => {
  test('is counted exactly, however its topics are made, changed and deleted', async () => {
    const owner = ownerWith('exact', { maxTopics: 2, maxHistoryMessages: 100 });
    const put = async (topic: string, size: number) => (await control.putTopicOf(owner, topic, { size })).kind;
    expect(await put('exact.a', 60)).toBe('put');
    expect(await put('exact.b', 50)).toBe('history');
    expect(await put('exact.b', 40)).toBe('put');
    expect(await put('exact.b', 41)).toBe('history');
    expect(await put('exact.c', 0)).toBe('topics');
    expect(await counted('exact')).toEqual(['2', '100']);
    expect(await put('exact.a', 10)).toBe('put');
    expect(await put('exact.b', 90)).toBe('put');
    await control.deleteTopic('exact.a');
    await control.deleteTopic('exact.a');
    expect(await counted('exact')).toEqual(['1', '90']);
    expect(await put('exact.c', 10)).toBe('put');
  });

  test('is kept when many are made and deleted at once', async () => {
    const owner = ownerWith('race', { maxTopics: 5 });
    const act = async (index: number) => {
      const topic = `race.${index % 7}`;
      if (index % 3 === 2) await control.deleteTopic(topic);
      else await control.putTopicOf(owner, topic, { size: 1 + (index % 4) });
    };
    await Promise.all(Array.from({ length: 200 }, (_, index) => act(index)));
    const topics = (await control.listTopics(null, 100)).items.filter(({ topic }) => topic.startsWith('race.'));
    expect(topics.length).toBeLessThanOrEqual(5);
    const history = topics.reduce((sum, { state }) => sum + state.history.size, 0);
    expect((await counted('race')).map(Number)).toEqual([topics.length, history]);
  });

  test('counts for the key that made the topic, whichever changes it', async () => {
    const maker = ownerWith('maker', { maxHistoryMessages: 10 });
    await control.putTopicOf(maker, 'made.a', { size: 10 });
    const other = { key: 'other', quotaOf: (key: string) => (key === 'maker' ? maker.quotaOf() : undefined) };
    expect((await control.putTopicOf(other, 'made.a', { size: 11 })).kind).toBe('history');
    expect((await control.putTopicOf(other, 'made.a', { size: 9 })).kind).toBe('put');
    expect(await counted('maker')).toEqual(['1', '9']);
    expect(await counted('other')).toEqual([null, null]);
  });

  test('has room again for what a process that died has counted and never made', async () => {
    const owner = ownerWith('died', { maxTopics: 1 });
    await redis.hset(keys.keyTopics('died'), 'died.never', `5 ${Date.now() - 120_000}`);
    await redis.hset(keys.key('died'), 'topics', '1', 'history', '5');
    expect((await control.putTopicOf(owner, 'died.a', {})).kind).toBe('put');
    expect(await counted('died')).toEqual(['1', '1000']);
  });
});
