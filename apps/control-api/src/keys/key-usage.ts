import type { ApiKeys } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { Logger } from '@holdfast/service/logger';
import fp from 'fastify-plugin';

/** A key makes thousands of calls a second; when it was used last is for people, who count in days. */
const NOTE_EVERY_MS = 60_000;

/** Notes when each API key was used, by a call with it or with a token of it, at most once a minute. */
export const keyUsage = fp<{ broker: ApiKeys; logger: Logger }>(async (app, { broker, logger }) => {
  const notedAt = new Map<string, number>();

  app.addHook('onResponse', async ({ principal }) => {
    if (principal === null || principal.kind === 'client') return;
    const { id } = principal.key;
    const now = Date.now();
    if (Math.abs(now - (notedAt.get(id) ?? 0)) < NOTE_EVERY_MS) return;
    notedAt.set(id, now);
    try {
      await broker.noteKeyUsed(id, now);
    } catch (error) {
      // A minute later it is tried again.
      if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'cannot note the use of an API key');
    }
  });
});
