import type { ControlBroker } from '@holdfast/broker/broker';
import type { RedisLink } from '@holdfast/redis/commands';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';

/** A control-api without webhooks of its own writes events as soon as another one wants them. */
const REFRESH_MS = 1_000;

/** Keeps reading which events are wanted. @returns the stop */
export function startRefreshingEvents(
  broker: Pick<ControlBroker, 'refreshEvents'>,
  redis: Pick<RedisLink, 'onReady'>,
  logger: Logger,
): () => void {
  const onError = (error: unknown): void => {
    if (!(error instanceof RedisUnavailable))
      logger.error({ err: error }, 'it could not be read which events are wanted');
  };
  redis.onReady(() => void broker.refreshEvents().catch(onError));
  return repeat(async () => void (await broker.refreshEvents()), { intervalMs: REFRESH_MS, jitter: 0.1, onError });
}
