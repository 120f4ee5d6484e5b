import type { ControlBroker } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import type { KeyRing } from './key-ring.ts';

const SWEEP_MS = 5_000;
/** Several control-apis that started together drift apart. */
const JITTER = 0.2;
/** No registration takes this long: its process died, and no other is still at work on it. */
const ABANDONED_MS = 60_000;

/**
 * Puts right what dead processes left: edges on the list, registrations counted and never made. Each step is atomic in
 * Redis and done once whoever does it, so that replicas may sweep at the same time without a lock.
 * @returns the stop
 */
export function startSweeping(broker: ControlBroker, keys: KeyRing, logger: Logger): () => void {
  return repeat(() => sweep(broker, keys, logger), {
    intervalMs: SWEEP_MS,
    jitter: JITTER,
    onError: (error) => {
      // The connection has told already that Redis is away.
      if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'sweep failed');
    },
  });
}

/** Rejects with the first thing that failed, when all else has been done: on a Cluster keys are on different nodes. */
export async function sweep(broker: ControlBroker, keys: KeyRing, logger: Logger): Promise<void> {
  const failures: unknown[] = [];
  const attempt = (step: () => Promise<void>) => step().catch((error: unknown) => failures.push(error));
  await attempt(() => broker.reapEdges());
  for (const key of keys.ids()) {
    await attempt(async () => {
      const settled = await broker.recoverAbandoned(key, ABANDONED_MS);
      if (settled > 0) logger.warn({ key, settled }, 'settled registrations that were left half done');
    });
  }
  if (failures.length > 0) throw failures[0];
}
