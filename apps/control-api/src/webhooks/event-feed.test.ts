import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { EventFeed } from './event-feed.ts';

/** A feed of partitions that all have one event, on nodes of which some are away. */
function feedOf(count: number, isAway: (partition: number) => boolean) {
  const ends: string[] = [];
  const rounds: string[][] = [];
  const feed = new EventFeed(
    {
      count,
      changedSince: () => Promise.reject(new RedisUnavailable('away')),
      endOf: async (name) => {
        if (isAway(Number(name))) throw new RedisUnavailable('away');
        return { length: 1, bytes: 100, last: '1-0' };
      },
    },
    { logger: captureLog().logger, onRound: async (sizes) => void rounds.push([...sizes.keys()]) },
  );
  onTestFinished(() => feed.stop());
  feed.listen({ onChanged: () => undefined, onEnd: (name) => void ends.push(name) });
  return { ends, rounds };
}

test('while a node is away, also that of the notes, all partitions of the others are looked at, and kept within bounds', async () => {
  const { ends, rounds } = feedOf(4, (partition) => partition === 1);
  await eventually(() => expect(ends).toEqual(expect.arrayContaining(['0', '2', '3'])));
  await eventually(() => expect(rounds[0]).toEqual(['0', '2', '3']));
});

test('a round goes on beyond partitions that could not be looked at', async () => {
  const { ends } = feedOf(90, (partition) => partition < 3);
  await eventually(() => expect(ends).toContain('3'));
});
