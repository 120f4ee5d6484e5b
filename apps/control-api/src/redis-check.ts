import type { ControlBroker } from '@holdfast/broker/broker';
import { repeat } from '@holdfast/service/backoff';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Health } from '@holdfast/service/health';

/** A load balancer that asks every few seconds then hears the truth of this second. */
const LOOK_MS = 1_000;

/**
 * Keeps the health check "redis": not ready until Redis has answered, and whenever it did not at the last look.
 * @returns the stop
 */
export function checkRedis(broker: ControlBroker, health: Health): () => void {
  let reason: string | null = 'has not answered yet';
  health.check('redis', () => reason);
  const ask = async (): Promise<void> => {
    await broker.ping();
    reason = null;
  };
  const onError = (error: unknown): void => {
    reason = reasonOf(error);
  };
  ask().catch(onError);
  return repeat(ask, { intervalMs: LOOK_MS, onError });
}
