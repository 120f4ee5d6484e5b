import type { Problem } from '@holdfast/protocol/problems';
import { CallError } from './call-error.ts';
import { type Request, targetOf } from './request.ts';

/** Longer than control-api waits for Redis, and for edges. */
const TIMEOUT_MS = 15_000;

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** In place of `JSON.parse`. */
  readonly parse?: (text: string) => unknown;
}

let presentedKey = '';

/** The API key that calls present from here on; '' is none. */
export function presentKey(key: string): void {
  presentedKey = key;
}

/**
 * Sends a call with the key of the session.
 * @throws {CallError}
 */
export async function send<Answer>(request: Request<Answer>, options: SendOptions = {}): Promise<Answer> {
  const { signal, parse = JSON.parse as (text: string) => unknown } = options;
  const { status, ok, text } = await fetched(request, signal);
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new CallError('unexpected-answer', `The answer (${status}) is not JSON: a proxy may have made it.`, status);
  }
  if (ok) return value as Answer;
  if (isProblem(value)) throw new CallError(value.code, value.detail ?? value.title, status, value);
  throw new CallError('unexpected-answer', `Answered ${status} without a reason.`, status);
}

/** Sends it even while the page is being left; what it is answered is not known. */
export function sendOnLeave({ method, ...request }: Request<unknown>): void {
  const headers = presentedKey === '' ? {} : { 'x-api-key': presentedKey };
  void fetch(addressOf({ method, ...request }), { method, headers, keepalive: true }).catch(() => undefined);
}

/** Relative to the page, which may be below a path of a proxy. */
function addressOf(request: Request<unknown>): string {
  return targetOf(request).slice(1);
}

async function fetched(request: Request<unknown>, signal?: AbortSignal) {
  const { method, body } = request;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const answer = await fetch(addressOf(request), {
      method,
      headers: {
        ...(presentedKey === '' ? {} : { 'x-api-key': presentedKey }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body ?? null,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return { status: answer.status, ok: answer.ok, text: await answer.text() };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new CallError('unreachable', 'control-api does not answer.');
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}
