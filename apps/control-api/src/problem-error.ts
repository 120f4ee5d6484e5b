import { type ProblemCode, type ProblemDetails, problems } from '@holdfast/protocol/problems';

/** A refusal that the caller is told: thrown anywhere in a call, turned into HTTP by plugins/problems.ts. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  /** After how many seconds the call may be made again; undefined: the caller is told nothing of that. */
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
