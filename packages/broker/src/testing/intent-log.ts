import { randomUUID } from 'node:crypto';
import { bucketOf } from '../keys.ts';
import type { NewClient } from '../broker.ts';
import { type TestBroker, someone } from './brokers.ts';

export const someKey = () => `key-${randomUUID().slice(0, 8)}`;

/** What is kept of registrations beside the clients themselves. */
export function openIntentLog({ redis, keys, control }: TestBroker) {
  return {
    /** What a key is charged with. */
    chargesOf: async (key: string) => {
      const [clients, names, pending] = await Promise.all([
        redis.hget(keys.key(key), 'clients'),
        redis.hgetall(keys.keyNames(key)),
        redis.zcard(keys.keyPending(key)),
      ]);
      return { clients: Number(clients ?? 0), names, pending };
    },

    /** Whether the index of clients has it. */
    isListed: async (clientId: string): Promise<boolean> =>
      (await redis.zscore(keys.clientBucket(bucketOf(clientId)), clientId)) !== null,

    registered: async (key: string, name: string | null = null, fields: Partial<NewClient> = {}) => {
      const client = someone({ key, name, ...fields });
      await control.register(client, null);
      return client;
    },
  };
}

/** Calls that run side by side. */
export function atOnce<T>(times: number, call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, index) => call(index)));
}
