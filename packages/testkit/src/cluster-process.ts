import { askRedis } from '@holdfast/local/ask-redis';
import { usableProgram } from '@holdfast/local/redis';
import { type RedisCluster, type RedisClusterOptions, nodeId, startRedisCluster } from '@holdfast/local/redis-cluster';

const MIGRATE_MS = 5_000;
const KEYS_AT_ONCE = 100;

/** Starts a Redis Cluster of the test's own, that it may hurt. Needs the program, found on PATH. */
export async function startPrivateCluster(options: Omit<RedisClusterOptions, 'binary'> = {}): Promise<RedisCluster> {
  return startRedisCluster({ binary: await redisBinary(), ...options });
}

export async function redisBinary(): Promise<string> {
  const found = await usableProgram(process.env['PATH']);
  if ('missing' in found) throw new Error(`a Redis to hurt needs the program itself: ${found.missing}`);
  return found.program;
}

interface Member {
  readonly url: string;
  readonly port: number;
}

/** The move of a slot, in the steps in which operators' tools do it. */
export interface SlotMove {
  /** From now on what the old master does not have is asked of the new one. */
  begin(): Promise<void>;
  /** Moves the keys, or these. */
  moveKeys(...keys: string[]): Promise<void>;
  /** From now on the slot is the new one's; every other node knows it. */
  end(): Promise<void>;
}

export function slotMove(slot: number, from: Member, to: Member, others: readonly Member[] = []): SlotMove {
  return {
    begin: async () => {
      await askRedis(to.url, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await nodeId(from));
      await askRedis(from.url, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await nodeId(to));
    },
    moveKeys: async (...given) => {
      for (;;) {
        const found = await askRedis(from.url, 'CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_ONCE);
        const keys = given.length > 0 ? given : (found as string[]);
        if (keys.length === 0) return;
        await askRedis(from.url, 'MIGRATE', '127.0.0.1', to.port, '', 0, MIGRATE_MS, 'KEYS', ...keys);
        if (given.length > 0) return;
      }
    },
    end: async () => {
      const id = await nodeId(to);
      for (const { url } of [to, from, ...others]) await askRedis(url, 'CLUSTER', 'SETSLOT', slot, 'NODE', id);
    },
  };
}

export async function moveSlot(...args: Parameters<typeof slotMove>): Promise<void> {
  const move = slotMove(...args);
  await move.begin();
  await move.moveKeys();
  await move.end();
}
