import type { Commands } from '@holdfast/redis/commands';
import { SLOTS, slotOf } from '@holdfast/redis/slots';
import type { Keys } from '../keys.ts';

/** On one Redis any two keys fit into one script: so few streams are looked at all at once. A delivery that fails holds up one. */
const PARTITIONS_OF_ONE_REDIS = 256;

export interface Partition {
  /** Unique, and a part of the ids of its events. */
  name: string;
  /** The key of its stream. */
  stream: string;
}

/**
 * Where events lie: on a Cluster in a stream of the slot of what they tell of, so that the script which changes it can write
 * them, else in one of a few. What tells of one client, or of one topic, lies in one partition, in order.
 */
export function eventPartitions(redis: Commands, keys: Keys) {
  const count = redis.isCluster ? SLOTS : PARTITIONS_OF_ONE_REDIS;
  let tags: readonly string[] | undefined;

  /** @param key any key of the client or topic that an event tells of */
  function partitionOf(key: string): Partition {
    return partition(slotOf(key) % count);
  }

  /** @param number 0 to `count` - 1 */
  function partition(number: number): Partition {
    tags ??= tagsOfSlots(count);
    return { name: String(number), stream: keys.events(tags[number] ?? '') };
  }

  return { count, partition, partitionOf };
}

/** For each partition a text for the braces of its key. On a Cluster it has the slot of that number. */
function tagsOfSlots(count: number): string[] {
  if (count < SLOTS) return Array.from({ length: count }, (_, number) => String(number));
  const tags: string[] = [];
  for (let candidate = 0, missing = count; missing > 0; candidate += 1) {
    const tag = candidate.toString(36);
    const slot = slotOf(tag);
    if (tags[slot] !== undefined) continue;
    tags[slot] = tag;
    missing -= 1;
  }
  return tags;
}
