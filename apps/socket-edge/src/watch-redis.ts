import type { Logger } from '@holdfast/service/logger';
import type { connectRedis } from '@holdfast/service/redis';

export interface WatchRedis {
  logger: Logger;
  /** Redis answers, for the first time or again. */
  onReady: () => void;
  /** Redis was away and answers again. */
  onBack: () => void;
  /** Turns the doorbell on; gives why it could not, or null. */
  enable: () => Promise<string | null>;
}

/** Does what is due each time Redis answers: a new one may have forgotten its settings, and everything else. */
export function watchRedis(
  redis: ReturnType<typeof connectRedis>,
  { logger, onReady: ready, onBack, enable }: WatchRedis,
): void {
  let before = false;
  let said = false;
  const onReady = (): void => {
    ready();
    if (before) onBack();
    before = true;
    void ringable();
  };
  const ringable = async (): Promise<void> => {
    const why = await enable();
    if (why === null || said) return;
    said = true;
    logger.warn({ why }, 'keyspace events cannot be turned on: changes are found by the look once a second');
  };
  redis.on('ready', onReady);
  if (redis.status === 'ready') onReady();
}
