import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  PROBLEM_MEDIA_TYPE,
  type Problem,
  type ProblemCode,
  type ProblemDetails,
  problemOf,
} from '@holdfast/protocol/problems';
import { RateLimiterMemory } from 'rate-limiter-flexible';

export interface Refusal {
  problem: Problem;
  headers: Record<string, string>;
}

export function refusal(
  code: ProblemCode,
  details: ProblemDetails = {},
  headers: Record<string, string> = {},
): Refusal {
  return { problem: problemOf(code, details), headers };
}

/** A client that was refused has this long to read why. */
const LINGER_MS = 2000;

/** Answers an upgrade request with a problem document instead of an upgrade, and ends the connection. */
export function refuse(socket: Duplex, { problem, headers }: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Seconds, between half and all of a bound, so that clients refused at the same time do not come back together. */
export function jitteredRetryAfter(seconds: number): { 'Retry-After': string } {
  return { 'Retry-After': String(Math.max(1, Math.ceil(seconds * (0.5 + Math.random() / 2)))) };
}

const HEADER_OVERFLOW = 'HPE_HEADER_OVERFLOW';
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

/** For `clientError` of node:http: what it cannot take for a request at all gets a problem document, as every refusal does. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET') socket.destroy();
  else refuse(socket, refusal(...problemFor(error.code)));
}

function problemFor(code: string | undefined): [ProblemCode, ProblemDetails?] {
  if (code === HEADER_OVERFLOW) return ['headers-too-large'];
  if (code === REQUEST_TIMEOUT) return ['request-timeout'];
  return ['invalid-request', { detail: 'This is not HTTP' }];
}

/**
 * Refused handshakes an address may cause in a window. Far more than clients with a wrong id cause by accident, and
 * few enough that guessing, or hammering with a revoked id, costs Redis nothing.
 */
const REFUSED_PER_WINDOW = 1000;
const WINDOW_SECONDS = 10;
const MS = 1000;

/** Counts refused handshakes by address. Good handshakes cost nothing and are never counted. */
export class RefusalLimit {
  readonly #limiter: RateLimiterMemory;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(refusedPerWindow: number = REFUSED_PER_WINDOW) {
    this.#limiter = new RateLimiterMemory({ points: refusedPerWindow, duration: WINDOW_SECONDS });
  }

  /** Whether no address can be blocked, because none was refused within the window: then there is nothing to look up. */
  get quiet(): boolean {
    return performance.now() - this.#countedAt > WINDOW_SECONDS * MS;
  }

  /** Seconds to wait when the address has had too many; null when it may go on. */
  async blockedFor(address: string): Promise<number | null> {
    const state = await this.#limiter.get(address);
    if (state === null || state.remainingPoints > 0) return null;
    return Math.max(1, Math.ceil(state.msBeforeNext / MS));
  }

  async count(address: string): Promise<void> {
    this.#countedAt = performance.now();
    await this.#limiter.penalty(address);
  }
}
