import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { EventFeed } from './event-feed.ts';

test('partitions of a slot that no node serves keep no others from being looked at', async () => {
  const count = 90;
  const looks = new Map<string, number>();
  const { logger } = captureLog();
  const feed = new EventFeed(
    {
      count,
      changedSince: async () => [],
      endOf: async (name) => {
        looks.set(name, (looks.get(name) ?? 0) + 1);
        if (name === '0') throw new RedisUnavailable(new Error('no node of the Cluster serves slot 0'));
        return { length: 1, last: '1-0' };
      },
    },
    { logger, onRound: async () => undefined },
  );
  onTestFinished(() => feed.stop());
  const ends: string[] = [];
  feed.listen({ onChanged: () => undefined, onEnd: (name) => ends.push(name) });
  await eventually(() => expect(ends).toEqual(expect.arrayContaining(['3', '4', '5', '6', '7', '8'])));
  expect(looks.get('0')).toBe(1);
});
