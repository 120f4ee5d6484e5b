import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';

/** What an API key has, and when it was used. */
export interface KeyUsage {
  clients: number;
  topics: number;
  /** Messages that the histories of its topics may hold. */
  historyMessages: number;
  /** Milliseconds since the epoch; null: never. */
  usedAt: number | null;
}

/** Counts of API keys are written by what they count; here they are read. */
export function keyUsageStore(redis: Commands, keys: Keys) {
  async function noteKeyUsed(key: string, at: number): Promise<void> {
    await asked(redis.hset(keys.key(key), 'used', at));
  }

  function readKeyUsages(ids: readonly string[]): Promise<KeyUsage[]> {
    return Promise.all(
      ids.map(async (id) => {
        const fields = await asked(redis.hmget(keys.key(id), 'clients', 'topics', 'history', 'used'));
        const [clients, topics, historyMessages, used] = fields;
        return {
          clients: Number(clients ?? 0),
          topics: Number(topics ?? 0),
          historyMessages: Number(historyMessages ?? 0),
          usedAt: used === null || used === undefined ? null : Number(used),
        };
      }),
    );
  }

  return { noteKeyUsed, readKeyUsages };
}
