import type { PublishOutcome } from '@holdfast/broker/broker';
import { type RequestTrace, withinRequest } from '@holdfast/service/request-trace';
import { isTracing, requestTrace } from '@holdfast/service/tracing';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace that the request belongs to; null when nothing is traced. */
    trace: RequestTrace | null;
  }
}

/** What became of one message. */
export function outcomeAttributes(outcome: PublishOutcome): Record<string, string> {
  const attributes = { 'holdfast.outcome': outcome.kind };
  return 'id' in outcome ? { ...attributes, 'messaging.message.id': outcome.id } : attributes;
}

/**
 * Has every line that is logged within a request that is traced say so, and what it publishes belong to the caller's trace if
 * that presents an API key: tokens and client ids are held by browsers, and have no say in what is traced.
 * Without tracing nothing is hooked in.
 */
export const requestTraces = fp(async (app) => {
  app.decorateRequest('trace', null);
  if (!isTracing()) return;
  app.addHook('onRequest', (request, _reply, done) => {
    request.trace = requestTrace({});
    withinRequest(request.trace, done);
  });
  // From here on it is known whether there is a key. Without one a caller's "sampled" would override the sampler.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.trace !== null && request.withKey) request.trace = requestTrace(request.headers);
    done();
  });
  // Once more where events of the socket come in between: they run outside of what the hook before has begun.
  app.addHook('preValidation', again);
  app.addHook('onResponse', again);
});

function again({ trace }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  if (trace === null) done();
  else withinRequest(trace, done);
}
