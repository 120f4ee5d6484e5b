import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type ClusterView, endpointOf, viewOf } from './slots.ts';
import type { RedisAccess } from '../config.ts';
import { nodeAddress } from '../address.ts';

/** A node that answers takes milliseconds, and the others are waiting for this one. */
const ANSWER_MS = 1_000;

/**
 * Asks a node for its view of its Cluster: on the connection that is given when it is ready, else on one of its own.
 * Rejects when it does not answer, or is no node of a Cluster.
 */
export async function askNode(
  address: string,
  redis: Redis | undefined,
  { access, name }: { access: RedisAccess; name: string },
): Promise<ClusterView> {
  if (redis?.status === 'ready') return ask(redis, address);
  const own = new Redis({
    ...nodeAddress(endpointOf(address), access),
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
        throw new Error(`${askedAt} does not answer in time which node serves which slot`);
      }),
    ]);
    if (slots.status === 'rejected') throw slots.reason;
    return viewOf({ slots: slots.value, nodes: valueOf(nodes), info: valueOf(info), askedAt });
  } finally {
    over.abort();
  }
}

/** A user of Redis that may ask for the slots need not be allowed the others. */
function valueOf(answer: PromiseSettledResult<unknown>): unknown {
  return answer.status === 'fulfilled' ? answer.value : null;
}

/**
 * What was answered until all have, or until `lateMs` after the first: a frozen node does not hold up the rest.
 * Rejections go to `onError`.
 */
export async function firstAnswers<T>(
  asked: readonly Promise<T>[],
  lateMs: number,
  onError: (error: unknown) => void,
): Promise<T[]> {
  const answers: T[] = [];
  const first = Promise.withResolvers<void>();
  const over = new AbortController();
  const all = asked.map(async (answer) => {
    try {
      answers.push(await answer);
      first.resolve();
    } catch (error) {
      onError(error);
    }
  });
  const tooLate = first.promise.then(() => delay(lateMs, undefined, { signal: over.signal }));
  // Aborted when all were faster.
  tooLate.catch(() => undefined);
  await Promise.race([Promise.all(all), tooLate]);
  over.abort();
  return [...answers];
}
