import { type ProblemCode, type ProblemDetails, problems } from '@holdfast/protocol/problems';

/** A refusal that the caller is told: thrown anywhere in a call, turned into HTTP by plugins/problems.ts. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}, options?: ErrorOptions) {
    super(details.detail ?? problems[code].title, options);
    this.name = 'ProblemError';
    this.code = code;
    this.details = details;
  }
}
