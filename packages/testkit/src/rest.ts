/** An answer of a REST call. */
export interface Answer<Body> {
  status: number;
  headers: Headers;
  /** The JSON of it; a text when it is none; undefined when it is empty. */
  body: Body;
}

export interface CallOptions {
  /** Presented as `X-API-Key`. */
  key?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of `body`: for what is no JSON, or must keep its bytes. */
  rawBody?: string | Uint8Array<ArrayBuffer>;
  headers?: Readonly<Record<string, string>>;
}

/**
 * One call of the Control API. `Body` is what the test takes the answer for; nothing checks it but the test.
 * Rejects when there is no answer.
 */
export async function call<Body = Record<string, unknown>>(
  baseUrl: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS',
  path: string,
  options: CallOptions = {},
): Promise<Answer<Body>> {
  const headers = new Headers(options.headers);
  if (options.key !== undefined) headers.set('x-api-key', options.key);
  const payload = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  if (payload !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  const request: RequestInit = { method, headers, redirect: 'manual' };
  if (payload !== undefined) request.body = payload;
  const response = await fetch(new URL(path, baseUrl), request);
  return { status: response.status, headers: response.headers, body: parse(await response.text()) as Body };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
