import type { ControlBroker } from '@holdfast/broker/broker';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { ProblemCode } from '@holdfast/protocol/problems';
import type { Logger } from '@holdfast/service/logger';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

/** What a call changes, in the words of the audit log. */
type AuditedAction = 'register' | 'unregister' | 'disconnect' | 'put-topic' | 'delete-topic';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The call changes something: made with a key, it leaves a line in the log. */
    audit?: AuditedAction;
  }
  interface FastifyRequest {
    /** Whom the call changed: a handler that knows the client's UUID or ref puts it here. */
    changedClient: { clientId: string } | { ref: string } | null;
    /** Why the call was refused or failed; null when it was not. */
    problem: ProblemCode | null;
  }
}

const BAD_REQUEST = 400;

/**
 * One line at `info` for each change that was made, or refused, with an API key: which key, what, which topic or client,
 * and what came of it. A client stands there by its `ref`. What was no valid call changed nothing and has no line;
 * messages have none either, their number is in the metrics.
 */
export const auditLog = fp<{ logger: Logger; broker: ControlBroker }>(async (app, { logger, broker }) => {
  app.decorateRequest('changedClient', null);
  app.decorateRequest('problem', null);
  app.addHook('onResponse', async (request, { statusCode: status }) => {
    const { audit } = request.routeOptions.config;
    if (audit === undefined || request.apiKey === null || status === BAD_REQUEST) return;
    const { topic } = request.params as { topic?: string };
    const fields = {
      key: request.apiKey.id,
      action: audit,
      ...(topic === undefined ? {} : { topic }),
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
    // The change is worth its line even when Redis went away behind it.
    if (error instanceof RedisUnavailable) return {};
    throw error;
  }
}
