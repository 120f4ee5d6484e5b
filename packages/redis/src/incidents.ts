import type { Redis } from 'ioredis';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';

export interface RedisIncidents {
  /** The connection is about to be closed and opened again by us: no incident, unless it does not come back. */
  reconnecting(): void;
}

/**
 * Logs each loss of a connection once, and its return once with how long it was away; nothing for the retries in
 * between. A connection that was closed on purpose is no incident.
 */
export function logIncidents(redis: Redis, logger: Logger, fields: Readonly<Record<string, string>>): RedisIncidents {
  let lostAt: number | null = null;
  let reason: string | null = null;
  let onPurpose = false;

  function lost(): void {
    if (lostAt !== null) return;
    lostAt = performance.now();
    logger.warn({ ...fields, reason: reason ?? 'closed by Redis' }, 'redis lost');
  }

  // ioredis prints errors that have no listener.
  redis.on('error', (error: Error) => {
    reason = reasonOf(error);
    // On a ready connection the close that follows tells more; a Sentinel that cannot be asked brings errors only.
    if (redis.status !== 'ready') lost();
  });
  redis.on('close', () => {
    // Events arrive a tick after the change: by now a connection closed on purpose stands at "end".
    if (redis.status !== 'end' && !onPurpose) lost();
    onPurpose = false;
  });
  redis.on('ready', () => {
    if (lostAt !== null) logger.info({ ...fields, downtimeMs: Math.round(performance.now() - lostAt) }, 'redis back');
    lostAt = null;
    reason = null;
  });

  return {
    reconnecting() {
      onPurpose = true;
    },
  };
}
