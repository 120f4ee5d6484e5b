import type { ServerResponse } from 'node:http';
import {
  type Problem,
  type ProblemCode,
  type ProblemDetails,
  PROBLEM_MEDIA_TYPE,
  problems,
} from '@holdfast/protocol/problems';

/** A refusal of a call: thrown anywhere in it, turned into HTTP by problems.ts. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  /** Becomes the Retry-After header; undefined: none is sent. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemCode,
    { retryAfterSeconds, ...details }: ProblemDetails & { retryAfterSeconds?: number } = {},
    options?: ErrorOptions,
  ) {
    super(details.detail ?? problems[code].title, options);
    this.name = 'ProblemError';
    this.code = code;
    this.details = details;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The Retry-After of calls that were refused for overload. */
export const RETRY_AFTER_SECONDS = 1;

/** Answers a request that goes no further, and ends its connection. */
export function respondWithProblem(response: ServerResponse, problem: Problem): void {
  response
    .writeHead(problem.status, {
      'content-type': PROBLEM_MEDIA_TYPE,
      'retry-after': String(RETRY_AFTER_SECONDS),
      connection: 'close',
    })
    .end(JSON.stringify(problem));
}
