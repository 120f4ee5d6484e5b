import { type Request, targetOf } from '../api/request.ts';

/** Longer than control-api waits for Redis, and for edges. */
const TIMEOUT_MS = 20_000;

export interface Tried {
  readonly status: number;
  readonly ms: number;
  readonly type: string;
  readonly text: string;
}

/** Sends a call and gives its answer, whatever the status. Rejects when there is none. */
export async function tryCall(request: Request<unknown>, key: string): Promise<Tried> {
  const { method, body, headers = {}, withoutKey = false } = request;
  const begun = performance.now();
  // Relative to the page, which may be below a path of a proxy.
  const answer = await fetch(targetOf(request).slice(1), {
    method,
    headers: {
      ...headers,
      ...(key === '' || withoutKey ? {} : { 'x-api-key': key }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body ?? null,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await answer.text();
  const type = answer.headers.get('content-type') ?? '';
  return { status: answer.status, ms: Math.round(performance.now() - begun), type, text };
}
