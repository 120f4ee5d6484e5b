import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { BrokerUnavailable } from '@holdfast/broker/broker-unavailable';
import { PROBLEM_MEDIA_TYPE, type Problem, problemOf } from '@holdfast/protocol/problems';
import type { Logger } from '@holdfast/service/logger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from '../problem-error.ts';

/** An answer that did not come may have been on its way. */
const OUTCOME_UNKNOWN =
  'Whether the call took effect is not known. A publish with an Idempotency-Key can be repeated without doing it twice.';
/** Redis is back within a second of being back: the connection tries at least that often. */
const RETRY_AFTER_SECONDS = 1;

/** Every error of every call becomes a problem document, here and nowhere else. */
export const problemAnswers = fp<{ logger: Logger }>(async (app, { logger }) => {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemFor(error);
    request.problem = problem.code;
    if (problem.code === 'internal-error') logger.error({ err: error, ...callOf(request) }, 'call failed');
    if (problem.code === 'redis-unavailable') reply.header('retry-after', RETRY_AFTER_SECONDS);
    sendProblem(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(reply, problemOf('route-not-found', { detail: `There is no call ${request.method} on this path` }));
  });
});

function callOf(request: FastifyRequest): { method: string; route: string | undefined } {
  return { method: request.method, route: request.routeOptions.url };
}

function problemFor(error: unknown): Problem {
  if (error instanceof ProblemError) return problemOf(error.code, error.details);
  if (error instanceof BrokerUnavailable) {
    const { topics } = error;
    return problemOf('redis-unavailable', {
      detail: OUTCOME_UNKNOWN,
      ...(topics.length === 0 ? {} : { topics: [...topics] }),
    });
  }
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return problemOf('payload-too-large');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return problemOf('unsupported-media-type');
  // What else Fastify refuses (a length that does not fit, a path that cannot be decoded) its message explains.
  if (statusCode === 400) return problemOf('invalid-request', { detail: String(message) });
  return problemOf('internal-error');
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  // A Buffer, for Fastify adds a charset to texts, and RFC 9457 has none.
  void reply
    .code(problem.status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(Buffer.from(JSON.stringify(problem)));
}

/** For Fastify's `frameworkErrors`: what fails before there is a route. */
export function answerFrameworkError(error: unknown, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, problemFor(error));
}

/** For Fastify's `clientErrorHandler`: what node:http cannot take for a request at all. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = clientProblem(error.code);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function clientProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return problemOf('headers-too-large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problemOf('request-timeout');
  return problemOf('invalid-request', { detail: 'This is not HTTP' });
}
