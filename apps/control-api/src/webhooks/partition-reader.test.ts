import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Backlog } from './backlog.ts';
import { PartitionReader } from './partition-reader.ts';

test('partitions that cannot be read keep no others from it, and are read again after a while', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const backlog = new Backlog(1_000, new Map());
  const asked: string[] = [];
  let isAway = true;
  const reader: PartitionReader = new PartitionReader(backlog, {
    broker: {
      readAfter: async (name) => {
        asked.push(name);
        if (isAway && Number(name) < 8) throw new RedisUnavailable('away');
        return { events: [], last: null, isEnd: true };
      },
      endOf: async () => ({ length: 0, bytes: 0, last: null }),
    },
    isWanted: () => true,
    onRead: () => reader.read(),
    onSetBack: () => undefined,
    onError: () => expect.unreachable(),
  });
  onTestFinished(() => reader.stop());
  const names = Array.from({ length: 10 }, (_, number) => String(number));
  for (const name of names) backlog.markChanged(name);
  reader.read();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(names);
  // Told of anew while it rests.
  backlog.markChanged('0');
  reader.read();
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual(names);
  isAway = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.slice(10)).toEqual(names.slice(0, 8));
});
