import type { Logger } from '@holdfast/service/logger';
import fp from 'fastify-plugin';

/** The first status that is our fault, not the caller's. */
const SERVER_ERROR = 500;

/**
 * One line a call: at debug, and at warn for what failed here. It has the route and not the URL, for URLs hold client
 * ids, which are credentials.
 */
export const requestLog = fp<{ logger: Logger }>(async (app, { logger }) => {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode: status, elapsedTime } = reply;
    // A probe that asks a process which is not ready is answered, not failed.
    const failed = status >= SERVER_ERROR && request.routeOptions.config.probe !== true;
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
