import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type ClusterView, endpointOf, viewOf } from './slots.ts';
import type { RedisAccess } from '../config.ts';
import { nodeOptions } from '../connection.ts';

/** A node that answers takes milliseconds, and the others are waiting for this one. */
const ANSWER_MS = 1_000;

/**
 * Asks a node what it knows of its Cluster: on the connection that is given when it is ready, else on one of its own.
 * Rejects when it does not answer, or is no node of a Cluster.
 */
export async function askNode(
  address: string,
  redis: Redis | undefined,
  { access, name }: { access: RedisAccess; name: string },
): Promise<ClusterView> {
  if (redis?.status === 'ready') return ask(redis, address);
  const own = new Redis({
    ...nodeOptions(endpointOf(address), access),
    connectionName: `${name}-map`,
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  // The call below rejects with it; ioredis prints errors that have no listener.
  let reason: Error | undefined;
  own.on('error', (error: Error) => (reason = error));
  try {
    await own.connect();
    return await ask(own, address);
  } catch (error) {
    throw reason ?? error;
  } finally {
    own.disconnect();
  }
}

async function ask(redis: Redis, askedAt: string): Promise<ClusterView> {
  const over = new AbortController();
  const answers = Promise.allSettled([redis.cluster('SLOTS'), redis.cluster('NODES'), redis.cluster('INFO')]);
  try {
    const [slots, nodes, info] = await Promise.race([
      answers,
      delay(ANSWER_MS, undefined, { signal: over.signal }).then(() => {
        throw new Error(`${askedAt} does not say in time who serves what`);
      }),
    ]);
    if (slots.status === 'rejected') throw slots.reason;
    return viewOf({ slots: slots.value, nodes: valueOf(nodes), info: valueOf(info), askedAt });
  } finally {
    over.abort();
  }
}

/** A user of Redis who may ask for the slots need not be allowed the others. */
function valueOf(answer: PromiseSettledResult<unknown>): unknown {
  return answer.status === 'fulfilled' ? answer.value : null;
}
