import type { Problem } from '@holdfast/protocol/problems';
import { HoldfastError } from './holdfast-error.ts';

export interface RestOptions {
  /** Where control-api listens, such as `http://127.0.0.1:7700`. */
  controlUrl: string;
  /** An API key as it is presented: `<id>.<secret>`. */
  key?: string | undefined;
  /** A JWT, in place of a key. */
  token?: string | undefined;
  /** In place of the platform's `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

interface Request extends CallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the control URL, each part encoded. */
  path: string;
  query?: Record<string, string | number | undefined> | undefined;
  /** JSON text. */
  body?: string | undefined;
  idempotencyKey?: string | undefined;
  /** Called with an answer that is not an error, for its status and headers. */
  onAnswer?: ((response: Response) => void) | undefined;
}

/** Sends one request and gives the decoded answer, or rejects with a HoldfastError or the signal's reason. */
export type Call = <Answer>(request: Request) => Promise<Answer>;

export function createCall({ controlUrl, key, token, fetch = globalThis.fetch }: RestOptions): Call {
  const base = new URL(controlUrl).href.replace(/\/+$/, '');
  return async <Answer>({ method, path, query = {}, body, idempotencyKey, signal, onAnswer }: Request) => {
    const url = new URL(base + path);
    // URLs know "." and ".." also when they are percent-encoded: a name like that would make it the path of another call.
    if (!url.pathname.endsWith(path)) throw new HoldfastError('invalid-request', '"." and ".." are no names');
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (key !== undefined) headers['x-api-key'] = key;
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    let response: Response;
    let text: string;
    try {
      // A redirect that is followed would take the key along, to any origin that an answer names.
      response = await fetch(url.href, {
        method,
        headers,
        body: body ?? null,
        signal: signal ?? null,
        redirect: 'manual',
      });
      text = await response.text();
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw new HoldfastError('unreachable', `${base} does not answer`, { cause });
    }
    const answer = decodeAnswer(response, text) as Answer;
    onAnswer?.(response);
    return answer;
  };
}

function decodeAnswer({ ok, status, headers }: Response, text: string): unknown {
  const retryAfterMs = secondsInMs(headers.get('retry-after'));
  // Browsers give redirects as status 0, and without headers.
  if (!ok && status < 400)
    throw new HoldfastError('unexpected-answer', 'answered a redirect', { status, retryAfterMs });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = `answered ${status} with something that is not JSON`;
    throw new HoldfastError('unexpected-answer', message, { status, retryAfterMs, cause });
  }
  if (ok) return value;
  if (isProblem(value)) {
    throw new HoldfastError(value.code, value.detail ?? value.title, { status, problem: value, retryAfterMs });
  }
  const message = `answered ${status} without a problem document`;
  throw new HoldfastError('unexpected-answer', message, { status, retryAfterMs });
}

/** Of a `Retry-After` in seconds; its other form, a date, depends on two clocks. */
function secondsInMs(text: string | null): number | undefined {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}
