import type { Keys } from '@holdfast/protocol/keys';
import type { Commands } from './commands.ts';
import { asked } from './script.ts';

/** A letter box nobody empties belongs to an edge that is dead: it goes away by itself. Far longer than a lease. */
const UNREAD_LETTERS_SECONDS = 60;

/**
 * Letter boxes of edges. A letter says "look at this client's state", never what changed: it may come twice, late, or
 * for nothing, and the state is always the truth.
 */
export class Letters {
  readonly #redis: Commands;
  readonly #keys: Keys;

  constructor(redis: Commands, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Adding to the set is also the doorbell: the edge hears the keyspace event of this one key. */
  async ring(edge: string, clientId: string): Promise<void> {
    const box = this.#keys.edgeDirty(edge);
    await Promise.all([asked(this.#redis.sadd(box, clientId)), asked(this.#redis.expire(box, UNREAD_LETTERS_SECONDS))]);
  }

  peek(edge: string, max: number): Promise<string[]> {
    return asked(this.#redis.srandmember(this.#keys.edgeDirty(edge), max));
  }

  async take(edge: string, clientIds: readonly string[]): Promise<void> {
    if (clientIds.length > 0) await asked(this.#redis.srem(this.#keys.edgeDirty(edge), ...clientIds));
  }
}
