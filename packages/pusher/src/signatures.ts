import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The signatures of the Pusher Channels protocol: HMAC-SHA256 as lower-case hexadecimal digits, with the secret of the app.
 * Source: https://pusher.com/docs/channels/library_auth_reference/auth-signatures/ and …/rest-api/#authentication
 */

/** What of an app says whether a signature is its own. */
export interface AppSecrets {
  readonly secret: string;
  /** While the secret is replaced: the one before. Nothing is signed with it. */
  readonly previousSecret?: string | undefined;
}

/** Whether a secret whose signatures the app takes passes. */
export function someSecret({ secret, previousSecret }: AppSecrets, passes: (secret: string) => boolean): boolean {
  return passes(secret) || (previousSecret !== undefined && passes(previousSecret));
}

/** Of a private channel, or with `channelData` of a presence channel, whose bytes are signed as they are. */
export function channelSignature(secret: string, socketId: string, channel: string, channelData?: string): string {
  return sign(secret, `${socketId}:${channel}${channelData === undefined ? '' : `:${channelData}`}`);
}

/** Of a user who signs in. `userData` is signed as it is. */
export function userSignature(secret: string, socketId: string, userData: string): string {
  return sign(secret, `${socketId}::user::${userData}`);
}

/** A request of the REST API. */
export interface SignedRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Decoded, with names in lower case. `auth_signature` is left out by itself. */
  query: ReadonlyMap<string, string>;
}

export function requestSignature(secret: string, { method, path, query }: SignedRequest): string {
  const pairs = [...query]
    .filter(([name]) => name !== 'auth_signature')
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return sign(secret, `${method.toUpperCase()}\n${path}\n${pairs.join('&')}`);
}

/** Of a webhook's body. */
export function bodySignature(secret: string, body: Buffer): string {
  return sign(secret, body);
}

/** The `body_md5` of a request. */
export function bodyDigest(body: Buffer): string {
  return createHash('md5').update(body).digest('hex');
}

/** Whether two texts are equal; the time taken tells nothing of where they differ. */
export function equalInConstantTime(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}

/** Whether `auth`, as clients send it, is `<key>:<signature>` of this app. */
export function isAuth(auth: string, key: string, signature: string): boolean {
  return equalInConstantTime(auth, `${key}:${signature}`);
}

function sign(secret: string, text: string | Buffer): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
