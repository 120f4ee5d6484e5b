import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';

export interface IndexEntry {
  /** A sorted set whose scores are all 0: it lists its members in their own order, so a page can begin behind any. */
  index: string;
  member: string;
  /** Whether the member is to be listed now. What says so lies in another Cluster slot than the index. */
  isListed: () => Promise<boolean>;
}

/**
 * Makes an index agree with what it lists. Called after each creation and removal: whoever writes to the index looks
 * again afterwards, so of a removal and a creation that meet, the one that writes last leaves what is true.
 */
export async function updateIndex(redis: Commands, entry: IndexEntry, exists: boolean): Promise<void> {
  for (let listed = exists; ;) {
    await (listed ? listIndexed(redis, entry) : asked(redis.zrem(entry.index, entry.member)));
    const found = await entry.isListed();
    if (found === listed) return;
    listed = found;
  }
}

/** Lists the member, whether it exists or not. */
export async function listIndexed(redis: Commands, { index, member }: IndexEntry): Promise<void> {
  await asked(redis.zadd(index, 0, member));
}
