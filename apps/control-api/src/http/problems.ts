import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { TopicsUnavailable } from '@holdfast/broker/topic-state';
import { type Problem, PROBLEM_MEDIA_TYPE, problemOf } from '@holdfast/protocol/problems';
import type { Logger } from '@holdfast/service/logger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { CallerGone } from '../limits/bulk-reads.ts';
import { ProblemError, RETRY_AFTER_SECONDS } from './problem-error.ts';

/** An answer that did not come may have been on its way. */
const OUTCOME_UNKNOWN =
  'Whether the call took effect is not known. A publish with an Idempotency-Key can be repeated without doing it twice.';
/** What a library refuses by a status of its own. */
const BY_STATUS: Readonly<Record<number, Problem['code']>> = {
  404: 'route-not-found',
  405: 'method-not-allowed',
  408: 'request-timeout',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  431: 'headers-too-large',
};

/** Every error of every call becomes a problem document, here and nowhere else. */
export const problemAnswers = fp<{ logger: Logger }>(async (app, { logger }) => {
  const paths = new CallsByPath();
  app.addHook('onRoute', ({ url, method }) => paths.add(url, method));
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof CallerGone) {
      // The connection is closed: no answer is needed.
      reply.hijack();
      reply.raw.destroy();
      return;
    }
    if (request.is404 && !(error instanceof ProblemError)) {
      // What else is wrong with a call that there is none of (its body, its type) is beside the point.
      drainBody(request.raw, () => answerNotFound(request, reply));
      return;
    }
    const problem = problemFor(error);
    request.problem = problem.code;
    if (problem.code === 'internal-error') logger.error({ err: error, ...callOf(request) }, 'call failed');
    if (problem.code === 'unsupported-encoding') reply.header('accept-encoding', 'identity');
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    drainBody(request.raw, (whole) => {
      // Fastify closes the connection behind a body that was refused; there is no need to once it has been read.
      if (whole) reply.removeHeader('connection');
      else reply.header('connection', 'close');
      sendProblem(reply, problem);
    });
  });
  app.setNotFoundHandler(answerNotFound);

  function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
    const { method, url } = request;
    const allowed = paths.methodsOf(url).join(', ');
    if (allowed === '') {
      sendProblem(reply, problemOf('route-not-found', { detail: `There is no call ${method} on this path` }));
      return;
    }
    reply.header('allow', allowed);
    const detail = `This path has no call ${method}, but ${allowed}`;
    sendProblem(reply, problemOf('method-not-allowed', { detail }));
  }
});

function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof RedisUnavailable) return RETRY_AFTER_SECONDS;
  return error instanceof ProblemError ? error.retryAfterSeconds : undefined;
}

function callOf(request: FastifyRequest): { method: string; route: string | undefined } {
  return { method: request.method, route: request.routeOptions.url };
}

function problemFor(error: unknown): Problem {
  if (error instanceof ProblemError) return problemOf(error.code, error.details);
  if (error instanceof RedisUnavailable) {
    const topics = error instanceof TopicsUnavailable ? { topics: [...error.topics] } : {};
    return problemOf('redis-unavailable', { detail: OUTCOME_UNKNOWN, ...topics });
  }
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return problemOf('payload-too-large');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return problemOf('unsupported-media-type');
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return problemOf('internal-error');
  // What else is refused (a length that does not fit, a path that cannot be decoded) its message explains.
  return problemOf(BY_STATUS[statusCode] ?? 'invalid-request', { detail: String(message) });
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

interface Known {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods the calls of a path have (RFC 9110, 15.5.6), for the answers to those that it has not. */
class CallsByPath {
  readonly #known = new Map<string, Known>();

  /** Takes a route of Fastify's: `/v1/topics/:topic`. */
  add(route: string, methods: string | readonly string[]): void {
    // Those for everything beneath a path are of libraries, and answer for themselves.
    if (route.includes('*')) return;
    const pattern = new RegExp(`^${route.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')}$`);
    const known = this.#known.get(route) ?? { pattern, methods: new Set<string>() };
    for (const method of [methods].flat()) known.methods.add(method);
    this.#known.set(route, known);
  }

  /** The methods of a URL's path, by name; empty when it has none. */
  methodsOf(url: string): string[] {
    const [path = ''] = url.split('?');
    const methods = [...this.#known.values()].flatMap((known) => (known.pattern.test(path) ? [...known.methods] : []));
    return [...new Set(methods)].toSorted();
  }
}

/** Twice the largest body that any call takes. */
const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAIN_MS = 5_000;

/**
 * Reads the rest of a body and discards it, so that the client reads the answer: one that is still sending when its
 * connection is closed sees a broken pipe instead.
 * @param done called with whether the body was read to its end; otherwise the connection has to be closed
 */
function drainBody(request: IncomingMessage, done: (whole: boolean) => void): void {
  if (request.complete || request.readableEnded || request.destroyed) {
    done(!request.destroyed || request.complete);
    return;
  }
  let bytes = 0;
  const finish = (whole: boolean) => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    done(whole);
  };
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DRAINED_BYTES) finish(false);
  };
  const onEnd = () => finish(true);
  const onClose = () => finish(false);
  const timer = setTimeout(() => finish(false), MAX_DRAIN_MS);
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose).resume();
}
