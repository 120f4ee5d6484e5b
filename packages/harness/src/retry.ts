import { setTimeout as delay } from 'node:timers/promises';
import { Unreachable } from './http-pool.ts';

const BASE_MS = 100;
const CAP_MS = 5_000;
/** With the delays above: half a minute of an installation that is away. */
const MAX_ATTEMPTS = 12;

/** The control API answered with a problem. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly status: number;
  /** The constant code of the problem document (RFC 9457). */
  readonly code: string;

  constructor(call: string, status: number, answer: unknown) {
    const { code, detail, title } = (answer ?? {}) as Record<string, unknown>;
    const why = [detail, title].find((text) => typeof text === 'string');
    super(`${call}: ${status}${typeof code === 'string' ? ` ${code}` : ''}${why === undefined ? '' : ` (${why})`}`);
    this.status = status;
    this.code = typeof code === 'string' ? code : 'none';
  }
}

/** Whether a call may succeed when it is repeated later; and then it is open what the one before did. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof Unreachable || (error instanceof CallRefused && (error.status >= 500 || error.status === 429))
  );
}

/**
 * How long to wait after so many failures in a row: full jitter, so that a crowd does not come back as one. In
 * milliseconds.
 */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}

/**
 * Repeats a call that failed for a reason that may pass, with growing delays; `call` takes which attempt it is, from 1.
 * Rejects with the call's last error, or with the signal's reason. Only for calls that may be made twice.
 */
export async function retrying<T>(call: (attempt: number) => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await call(attempt);
    } catch (error) {
      if (!isTransient(error) || attempt === MAX_ATTEMPTS) throw error;
      await delay(backoffMs(attempt), undefined, signal === undefined ? {} : { signal });
    }
  }
}
