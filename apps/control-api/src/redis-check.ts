import type { ControlBroker } from '@holdfast/broker/broker';
import { repeat } from '@holdfast/service/backoff';
import type { Health } from '@holdfast/service/health';
import type { Logger } from '@holdfast/service/logger';
import type { RedisLink } from '@holdfast/redis/commands';
import { WriteHealth } from '@holdfast/redis/write-health';

/** A load balancer that asks every few seconds then hears the truth of this second. */
const LOOK_MS = 1_000;

/**
 * Keeps the health check "redis": not ready until Redis has taken a write, and whenever it took none at the last look. A
 * Redis that only answers is not enough: registrations and publishes are writes.
 * @returns the stop
 */
export function checkRedis(
  broker: ControlBroker,
  link: Pick<RedisLink, 'fault'>,
  health: Health,
  logger: Logger,
): () => void {
  // Why it refuses them, the connection has logged.
  const writes = new WriteHealth((fields) => logger.info(fields, 'redis takes writes again'));
  // The connection knows better than a call that had none.
  health.check('redis', () => (writes.refused ? writes.fault : (link.fault() ?? writes.fault)));
  const look = async (): Promise<void> => {
    await broker.tryWrites();
    writes.worked();
  };
  const onError = (error: unknown): void => writes.failed(error);
  look().catch(onError);
  return repeat(look, { intervalMs: LOOK_MS, onError });
}
