import type { Keys } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';

/**
 * A set that is not read belongs to an edge that is dead: it goes away by itself. Far longer than an edge may stand still,
 * or a clock may jump.
 */
export const PENDING_SECONDS = 3600;

/**
 * The dirty set of an edge: clients whose state changed. An entry means "read this client's state", never what changed: it
 * may come twice, late, or for nothing, and the state is always the truth.
 */
export type Pending = ReturnType<typeof pendingStore>;

export function pendingStore(redis: Commands, keys: Keys) {
  /** Adding to the set is also the wake-up: the edge gets the keyspace event of this one key. */
  async function notify(edges: readonly string[], clientId: string): Promise<void> {
    await Promise.all(
      edges.flatMap((edge) => {
        const pending = keys.edgeDirty(edge);
        return [asked(redis.sadd(pending, clientId)), asked(redis.expire(pending, PENDING_SECONDS))];
      }),
    );
  }

  function readPending(edge: string, max: number): Promise<string[]> {
    return asked(redis.srandmember(keys.edgeDirty(edge), max));
  }

  async function acknowledge(edge: string, clientIds: readonly string[]): Promise<void> {
    if (clientIds.length > 0) await asked(redis.srem(keys.edgeDirty(edge), ...clientIds));
  }

  return { notify, readPending, acknowledge };
}
