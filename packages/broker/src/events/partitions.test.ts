import type { Commands } from '@holdfast/redis/commands';
import { SLOTS, slotOf } from '@holdfast/redis/slots';
import { expect, test } from 'vitest';
import { redisKeys } from '../keys.ts';
import { eventPartitions } from './partitions.ts';

const keys = redisKeys('p:');
const of = (isCluster: boolean) => eventPartitions({ isCluster } as Commands, keys);

test('on a Cluster the stream of each slot lies in it', () => {
  const partitions = of(true);
  expect(partitions.count).toBe(SLOTS);
  const slots = Array.from({ length: SLOTS }, (_, number) => slotOf(partitions.partition(number).stream));
  expect(slots).toEqual(slots.map((_, number) => number));
  for (const key of [keys.client('c'), keys.topic('a.b'), keys.topic('@user:ann')]) {
    expect(slotOf(partitions.partitionOf(key).stream)).toBe(slotOf(key));
  }
});

test('on one Redis what tells of one thing lies in one of a few', () => {
  const partitions = of(false);
  const names = Array.from({ length: 1000 }, (_, index) => partitions.partitionOf(keys.client(`c${index}`)));
  expect(new Set(names.map(({ name }) => name)).size).toBe(partitions.count);
  expect(new Set(names.map(({ stream }) => stream)).size).toBe(partitions.count);
  expect(partitions.partitionOf(keys.clientLog('c1'))).toEqual(partitions.partitionOf(keys.client('c1')));
});
