import type { Problem } from '@holdfast/protocol/problems';

type Code = Problem['code'] | 'unreachable' | 'unexpected-answer';

/** A call that did not succeed. The message is for people. */
export class CallError extends Error {
  readonly code: Code;
  /** Of the answer; null when there was none. */
  readonly status: number | null;
  readonly problem: Problem | null;

  constructor(code: Code, message: string, status: number | null = null, problem: Problem | null = null) {
    super(message);
    this.name = 'CallError';
    this.code = code;
    this.status = status;
    this.problem = problem;
  }

  /** Why a field (`body.history.size`, `path.topic`) was refused; null when it was not. */
  ruleOf(field: string): string | null {
    return this.problem?.errors?.find((error) => error.field === field)?.rule ?? null;
  }
}

/** Of whatever a call can reject with. */
export function toCallError(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError('unexpected-answer', String(error));
}
