import { Redis } from 'ioredis';
import { COMMAND_TIMEOUT_MS, describeNode } from '../address.ts';
import type { RedisNode, RedisTarget } from '../config.ts';
import { type Asked, ask } from './server-facts.ts';

type SentinelTarget = Extract<RedisTarget, { kind: 'sentinel' }>;

export interface SentinelFacts {
  /** `host:port`. */
  readonly address: string;
  /** SENTINEL CKQUORUM: whether enough Sentinels are there to make another server the master. */
  readonly quorum: Asked<string>;
}

/** Asks each Sentinel, over a connection of a moment. Never rejects. */
export function sentinelFacts(target: SentinelTarget): Promise<SentinelFacts[]> {
  return Promise.all(
    target.sentinels.map(async (node) => ({
      address: describeNode(node),
      quorum: await ask(() => quorumOf(node, target)),
    })),
  );
}

async function quorumOf(node: RedisNode, { name, access }: SentinelTarget): Promise<string> {
  const sentinel = new Redis({
    ...node,
    ...(access.tls ? { tls: {} } : {}),
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
  });
  let reason: Error | null = null;
  sentinel.on('error', (error: Error) => {
    reason = error;
  });
  try {
    await sentinel.connect();
    return String(await sentinel.call('SENTINEL', 'CKQUORUM', name));
  } catch (error) {
    // A connection that fails says only that it is closed.
    throw reason ?? error;
  } finally {
    sentinel.disconnect();
  }
}
