import { backoffMs } from '@holdfast/client/backoff';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { setTimeout as delay } from 'node:timers/promises';

export interface RetryOptions {
  /** How often a call is made at most. */
  attempts: number;
  /** For one attempt. */
  timeoutMs: number;
}

export interface Attempt {
  /** Aborted by the caller, and when the attempt takes too long. */
  signal: AbortSignal;
  /** Whether an earlier attempt may have been carried out. */
  isRepeated: boolean;
}

/** A `Retry-After` beyond this is left to the caller: a call that sleeps for an hour looks like one that hangs. */
const MAX_RETRY_AFTER_SECONDS = 60;

/** What a server says that will not do better in a moment is below 500; these pass. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429]);

/** Whether the same call may succeed in a moment. */
function mayPass({ code, status }: HoldfastError): boolean {
  return code === 'unreachable' || (status !== undefined && (status >= 500 || PASSING_STATUSES.has(status)));
}

/**
 * Makes a call until it succeeds: after no answer, 408, 429 and 5xx again, with full jitter, and not before `Retry-After`.
 * The call has to be one that may be carried out twice. Rejects with the last error, at once when that asks to wait longer
 * than MAX_RETRY_AFTER_SECONDS, or with the reason of the signal.
 */
export async function withRetries<Answer>(
  { attempts, timeoutMs }: RetryOptions,
  signal: AbortSignal | undefined,
  call: (attempt: Attempt) => Promise<Answer>,
): Promise<Answer> {
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted();
    try {
      return await oneAttempt(timeoutMs, signal, (bounded) => call({ signal: bounded, isRepeated: failures > 0 }));
    } catch (error) {
      if (!(error instanceof HoldfastError) || !mayPass(error) || failures + 1 >= attempts) throw error;
      const { retryAfterMs = 0 } = error;
      if (retryAfterMs > MAX_RETRY_AFTER_SECONDS * 1000) throw error;
      await pause(Math.max(backoffMs(failures), retryAfterMs), signal);
    }
  }
}

/** Gives up waiting after `timeoutMs`, with `unreachable`. */
async function oneAttempt<Answer>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await call(signal === undefined ? late : AbortSignal.any([signal, late]));
  } catch (error) {
    if (signal?.aborted === true || !late.aborted || error instanceof HoldfastError) throw error;
    throw new HoldfastError('unreachable', `no answer within ${timeoutMs} ms`, { cause: error });
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
