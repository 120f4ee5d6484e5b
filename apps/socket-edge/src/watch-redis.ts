import type { Logger } from '@holdfast/service/logger';
import type { SingleRedis } from '@holdfast/redis/redis';
import type { RedisLink } from '@holdfast/redis/commands';

export interface WatchRedis {
  logger: Logger;
  /** Redis answers, or one of its servers does, for the first time or again. */
  onReady: () => void;
  /** It was away and answers again, or took the place of one that is away. */
  onBack: () => void;
  /** Turns the doorbell on at a server; gives why it could not, or null. */
  enable: (server: SingleRedis['commands']) => Promise<string | null>;
}

/** Does what is due each time Redis answers: a new one may have forgotten its settings, and everything else. */
export function watchRedis(redis: RedisLink, { logger, onReady, onBack, enable }: WatchRedis): void {
  let said = false;
  const ringable = async (server: SingleRedis['commands']): Promise<void> => {
    const why = await enable(server);
    if (why === null || said) return;
    said = true;
    logger.warn({ why }, 'keyspace events cannot be turned on: changes are found by the look once a second');
  };
  redis.onReady((server, again) => {
    onReady();
    if (again) onBack();
    void ringable(server);
  });
}
