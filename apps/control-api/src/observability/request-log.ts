import type { ControlBroker } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { ProblemCode } from '@holdfast/protocol/problems';
import type { Logger } from '@holdfast/service/logger';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/** The first status of server errors. */
const SERVER_ERROR = 500;
/** Redis is unavailable, or the process is overloaded: logged once at its cause, and counted for each call. */
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
      ...(request.principal === null ? {} : { key: request.principal.key.id }),
    };
    logger[failed ? 'warn' : 'debug'](fields, 'call');
  });
});

/** What a call changes, in the words of the audit log. */
type AuditedAction =
  | 'register'
  | 'unregister'
  | 'disconnect'
  | 'disconnect-user'
  | 'revoke-user'
  | 'put-topic'
  | 'delete-topic'
  | 'drain-edge'
  | 'undrain-edge'
  | 'test-webhook'
  | 'replay-webhook'
  | 'enable-webhook'
  | 'terminate-connections'
  | 'create-key'
  | 'delete-key';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The call changes something: made with a key, it is logged. */
    audit?: AuditedAction;
  }
  interface FastifyRequest {
    /** The client that the call changed: set by the handler, which knows its UUID or ref. */
    changedClient: { clientId: string } | { ref: string } | null;
    /** The id of the API key that the call makes or deletes: set by its route. */
    changedKey: string | null;
    /** Why the call was refused or failed; null when it was not. */
    problem: ProblemCode | null;
  }
}

const BAD_REQUEST = 400;

/**
 * One line at `info` for each change that was made, or refused, with an API key: which key, what, which topic,
 * user, client, edge, webhook or other key, and the outcome. A client is named by its `ref`. An invalid call changed
 * nothing and has no line; messages and registrations by tokens have none either, their number is in the metrics.
 */
export const auditLog = fp<{ logger: Logger; broker: ControlBroker }>(async (app, { logger, broker }) => {
  app.decorateRequest('changedClient', null);
  app.decorateRequest('changedKey', null);
  app.decorateRequest('problem', null);
  app.addHook('onResponse', async (request, { statusCode: status }) => {
    const { audit } = request.routeOptions.config;
    if (audit === undefined || request.principal?.kind !== 'key' || status === BAD_REQUEST) return;
    type Named = { topic?: string; user?: string; edge?: string; webhook?: string };
    const { topic, user, edge, webhook } = request.params as Named;
    const fields = {
      key: request.principal.key.id,
      action: audit,
      ...(topic === undefined ? {} : { topic }),
      ...(user === undefined ? {} : { user }),
      ...(edge === undefined ? {} : { edge }),
      ...(webhook === undefined ? {} : { webhook }),
      ...(request.changedKey === null ? {} : { changedKey: request.changedKey }),
      ...(await changedRef(broker, request)),
      // 503: whether it took place is not known.
      outcome: request.problem ?? 'done',
      status,
      ip: request.ip,
    };
    logger.info(fields, 'audit');
  });
});

async function changedRef(broker: ControlBroker, { changedClient }: FastifyRequest): Promise<{ ref?: string }> {
  if (changedClient === null || 'ref' in changedClient) return changedClient ?? {};
  try {
    const [ref] = await broker.refsOf([changedClient.clientId]);
    return ref === undefined ? {} : { ref };
  } catch (error) {
    // The change is logged also when Redis became unavailable after it.
    if (error instanceof RedisUnavailable) return {};
    throw error;
  }
}
