import type { Keys } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';

/**
 * A set that is not read belongs to an edge that is dead: it goes away by itself. Far longer than an edge may stand still,
 * or a clock may jump.
 */
export const PENDING_SECONDS = 3600;

/**
 * The dirty set of an edge: clients whose state changed. An entry says "read this client's state", never what changed: it
 * may come twice, late, or for nothing, and the state is always the truth.
 */
export class WakeUps {
  readonly #redis: Commands;
  readonly #keys: Keys;

  constructor(redis: Commands, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Adding to the set is also the wake-up: the edge gets the keyspace event of this one key. */
  async notify(edges: readonly string[], clientId: string): Promise<void> {
    await Promise.all(
      edges.flatMap((edge) => {
        const pending = this.#keys.edgeDirty(edge);
        return [asked(this.#redis.sadd(pending, clientId)), asked(this.#redis.expire(pending, PENDING_SECONDS))];
      }),
    );
  }

  read(edge: string, max: number): Promise<string[]> {
    return asked(this.#redis.srandmember(this.#keys.edgeDirty(edge), max));
  }

  async acknowledge(edge: string, clientIds: readonly string[]): Promise<void> {
    if (clientIds.length > 0) await asked(this.#redis.srem(this.#keys.edgeDirty(edge), ...clientIds));
  }
}
