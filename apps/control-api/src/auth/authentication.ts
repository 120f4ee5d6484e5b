import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '@holdfast/protocol/api-key';
import type { PusherApp } from '@holdfast/protocol/pusher-app';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from '../http/problem-error.ts';
import { jwtHeaderOf } from './tokens/token-header.ts';

/** No secret has this hash. Secrets of unknown ids are compared with it, so that the time taken reveals nothing. */
const NO_SECRET = Buffer.alloc(32);

/** An API key that is an app of the Pusher door. */
export type AppKey = ApiKey & { readonly pusher: PusherApp };

/** The API keys in force. */
export class KeyRing {
  #keys = new Map<string, ApiKey>();
  #apps = new Map<string, AppKey>();
  readonly #listeners = new Set<() => void>();

  constructor(keys: readonly ApiKey[] = []) {
    this.replace(keys);
  }

  replace(keys: readonly ApiKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#apps = new Map(keys.filter(isApp).map((key) => [key.pusher.appId, key]));
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each change of the keys, until the stop that it gives is called. */
  onReplaced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The key with this app, whether or not it has expired. */
  ofApp(appId: string): AppKey | undefined {
    return this.#apps.get(appId);
  }

  /** The app with this id; null also while its key has expired. */
  appInForce(appId: string): PusherApp | null {
    const key = this.#apps.get(appId);
    return key === undefined || hasExpired(key) ? null : key.pusher;
  }

  apps(): AppKey[] {
    return [...this.#apps.values()];
  }

  get size(): number {
    return this.#keys.size;
  }

  all(): ApiKey[] {
    return [...this.#keys.values()];
  }

  ids(): string[] {
    return [...this.#keys.keys()];
  }

  get(id: string): ApiKey | undefined {
    return this.#keys.get(id);
  }

  /**
   * The key that is presented as `<id>.<secret>`.
   * @throws {ProblemError} key-missing, key-unknown (also for a wrong secret) or key-expired
   */
  check(presented: string | undefined): ApiKey {
    if (presented === undefined || presented === '') throw new ProblemError('key-missing');
    const dot = presented.indexOf('.');
    const key = dot > 0 ? this.#keys.get(presented.slice(0, dot)) : undefined;
    const given = hash('sha256', presented.slice(dot + 1), 'buffer');
    const matches = timingSafeEqual(given, key === undefined ? NO_SECRET : Buffer.from(key.secretSha256, 'hex'));
    if (key === undefined || !matches) throw new ProblemError('key-unknown');
    requireNotExpired(key);
    return key;
  }
}

function isApp(key: ApiKey): key is AppKey {
  return key.pusher !== undefined;
}

/** @throws {ProblemError} key-expired */
export function requireNotExpired(key: ApiKey): void {
  if (hasExpired(key)) throw new ProblemError('key-expired', { detail: `The API key "${key.id}" has expired` });
}

export function hasExpired(key: Pick<ApiKey, 'expiresAt'>): boolean {
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now();
}

const BEARER = /^bearer +/i;
/** `?api_key=`, `?X-API-Key=` and their like, without the marks between words. */
const KEY_PARAMETERS = new Set(['key', 'apikey', 'xapikey']);

/** Refuses API keys in URLs, which end up in logs, and decorates requests with their principal. */
export const apiKeys = fp(async (app) => {
  app.decorateRequest('principal', null);
  app.decorateRequest('token', null);
  app.addHook('onRequest', async ({ query }) => {
    const found = Object.keys(query as object).find((name) =>
      KEY_PARAMETERS.has(name.toLowerCase().replace(/[-_]/g, '')),
    );
    if (found === undefined) return;
    throw new ProblemError('key-in-query', {
      detail: 'Send the API key as X-API-Key, and replace this one: it may stand in logs by now',
      errors: [{ field: `query.${found}`, rule: 'must not be given' }],
    });
  });
});

/** What a call was made with, as it stands in its headers: an API key comes before a token. */
export type Credential = { kind: 'key'; key: string } | { kind: 'token'; token: string };

/** Null when there is none. An API key may have dots in its secret: a token is what begins with a header of one. */
export function presentedCredential({ headers }: FastifyRequest): Credential | null {
  const key = headers['x-api-key'];
  if (key !== undefined) return { kind: 'key', key: String(key) };
  const { authorization } = headers;
  if (authorization === undefined || !BEARER.test(authorization)) return null;
  const bearer = authorization.replace(BEARER, '');
  return jwtHeaderOf(bearer) === null ? { kind: 'key', key: bearer } : { kind: 'token', token: bearer };
}

/** The API key as it is presented; undefined when there is none. */
export function presentedKey(request: FastifyRequest): string | undefined {
  const credential = presentedCredential(request);
  return credential?.kind === 'key' ? credential.key : undefined;
}
