import type { Problem, ProblemCode } from '@holdfast/protocol/problems';

/**
 * What a call can fail with besides the codes of the server:
 * - `unreachable`: no answer came; the request may have been carried out or not
 * - `unexpected-answer`: something answered that is not Holdfast (a proxy, say)
 * - `iterator-overflow`: a loop over messages took them too slowly, see `MessagesOptions.maxBuffered`
 * - `closed`: the client is closed
 * - `no-control-url`: `connect` was not given a `controlUrl`
 * - `no-token`: the call needs a token, and the client was connected by its id
 * - `not-authorized`: `getToken` gave null
 */
export type LocalErrorCode =
  | 'unreachable'
  | 'unexpected-answer'
  | 'iterator-overflow'
  | 'closed'
  | 'no-control-url'
  | 'no-token'
  | 'not-authorized';

interface Circumstances {
  status?: number | undefined;
  problem?: Problem | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Every error that the SDK raises; an aborted call rejects with the reason of its signal instead. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  /** Constant, for programs; `message` is for people. */
  readonly code: ProblemCode | LocalErrorCode;
  /** The HTTP status, when there was an answer. */
  readonly status: number | undefined;
  /** The problem document (RFC 9457) that the server sent. */
  readonly problem: Problem | undefined;
  /** How long the answer asks to wait before the call is repeated (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ProblemCode | LocalErrorCode, message: string, circumstances: Circumstances = {}) {
    const { status, problem, retryAfterMs, cause } = circumstances;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}
