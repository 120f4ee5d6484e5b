import type { Logger } from '@holdfast/service/logger';
import fp from 'fastify-plugin';

/** The first status that is our fault, not the caller's. */
const SERVER_ERROR = 500;
/** Redis is away or refuses, or there is too much to do: logged once where it is found out, and counted for each call. */
const UNAVAILABLE = 503;

/**
 * One line a call: at debug, and at warn for what failed here. It has the route and not the URL, for URLs hold client
 * ids, which are credentials.
 */
export const requestLog = fp<{ logger: Logger }>(async (app, { logger }) => {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode: status, elapsedTime } = reply;
    const failed = status >= SERVER_ERROR && status !== UNAVAILABLE;
    if (!failed && !logger.isLevelEnabled('debug')) return;
    const fields = {
      method: request.method,
      route: request.routeOptions.url ?? 'unmatched',
      status,
      ms: Math.round(elapsedTime),
      ip: request.ip,
      ...(request.apiKey === null ? {} : { key: request.apiKey.id }),
    };
    logger[failed ? 'warn' : 'debug'](fields, 'call');
  });
});
