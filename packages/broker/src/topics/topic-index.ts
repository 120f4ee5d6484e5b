import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import type { IndexEntry } from '../sorted-index.ts';

/** A topic's place in the index of topics: one that has expired has none. */
export function topicEntry(redis: Commands, keys: Keys, topic: string): IndexEntry {
  const isListed = async () => {
    const [size, gone] = await asked(redis.hmget(keys.topic(topic), 'size', 'gone'));
    return Boolean(size) && !gone;
  };
  return { index: keys.topics(), member: topic, isListed };
}
