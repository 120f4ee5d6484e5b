import { bodyDigest, requestSignature } from '@holdfast/pusher/signatures';
import { APP, type TestApi } from './api.ts';
import type { Answer } from './problem-matchers.ts';

export interface SignedCallOptions {
  /** Whose key and secret sign. Default: the app of the path. */
  app?: { key: string; secret: string };
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
  /** What is sent in place of what was signed. */
  sent?: string;
  /** Null: left out. */
  md5?: string | null;
  query?: Record<string, string>;
  /** What is signed in place of the path that is called. */
  signedPath?: string;
  /** What stands before the path that is called. */
  prefix?: string;
  /** Seconds off. */
  off?: number;
  /** What is signed as the time. */
  time?: string;
  /** Takes the place of what was made, once it is signed; null: left out. */
  change?: Record<string, string | null>;
  /** Whether the values are escaped in the URL. */
  escaped?: boolean;
}

/** The URL of a call, signed as server libraries do. */
export function signedUrl(method: string, path: string, options: SignedCallOptions = {}): string {
  const { app = APP, query = {}, signedPath = path, prefix = '', off = 0, change = {}, escaped = true } = options;
  const { time = String(Math.floor(Date.now() / 1000) + off) } = options;
  const body = bytesOf(options);
  const md5 = options.md5 === undefined ? bodyDigest(body) : options.md5;
  const pairs = new Map([
    ...Object.entries(query),
    ['auth_key', app.key],
    ['auth_timestamp', time],
    ['auth_version', '1.0'],
    ...(body.length === 0 || md5 === null ? [] : [['body_md5', md5] as const]),
  ] as [string, string][]);
  pairs.set('auth_signature', requestSignature(app.secret, { method, path: signedPath, query: pairs }));
  for (const [name, value] of Object.entries(change)) {
    if (value === null) pairs.delete(name);
    else pairs.set(name, value);
  }
  const written = [...pairs].map(([name, value]) => `${name}=${escaped ? encodeURIComponent(value) : value}`);
  return `${prefix}${path}?${written.join('&')}`;
}

/** Makes a signed call. */
export function signedCall(
  api: TestApi,
  method: 'GET' | 'POST',
  path: string,
  options: SignedCallOptions = {},
): Promise<Answer> {
  const body = options.sent === undefined ? bytesOf(options) : Buffer.from(options.sent);
  return api.call(method, signedUrl(method, path, options), body.length === 0 ? {} : { raw: body });
}

function bytesOf({ raw, body }: SignedCallOptions): Buffer {
  if (raw !== undefined) return Buffer.from(raw);
  return body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
}
