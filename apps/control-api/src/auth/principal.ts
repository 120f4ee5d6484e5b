import type { ApiKey } from '@holdfast/protocol/api-key';
import type { ClientMay } from '@holdfast/protocol/user';
import type { ClientState } from '@holdfast/broker/client-state';
import { ProblemError } from '../http/problem-error.ts';
import { type KeyRing, hasExpired } from './authentication.ts';
import type { VerifiedToken } from './tokens/token-verifier.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** By whose rights the call is made; null where none are asked for. */
    principal: Principal | null;
    /** The token that the call was made with; null for any other. */
    token: VerifiedToken | null;
  }
}

/** By whose rights a call is made. */
export interface Principal {
  /** An API key itself; a client by its UUID; or a page by a token, which speaks for one client. */
  readonly kind: 'key' | 'client' | 'token';
  /** The API key, or that of the client, or that of the issuer of the token. */
  readonly key: ApiKey;
  /** What `{user}` stands for in patterns; null: it fits nothing. */
  readonly user: string | null;
  /** What a client or a token may do of what its API key may; null: nothing was said. */
  readonly may: ClientMay | null;
}

/** For whom idempotency keys are kept apart: an API key, or one user of it. */
export function callerOf({ kind, key, user }: Principal): string {
  return kind === 'key' ? key.id : `${key.id} ${user}`;
}

export function principalOfKey(key: ApiKey): Principal {
  return { kind: 'key', key, user: null, may: null };
}

/** A token acts by the rights that its API key has now, within its own `may`. */
export function principalOfToken({ key, user, may }: VerifiedToken): Principal {
  return { kind: 'token', key, user, may };
}

/**
 * A client acts by the rights that the API key it was registered with has now.
 * @throws {ProblemError} not-permitted when that key is gone, or has expired
 */
export function principalOfClient(keys: KeyRing, { key: keyId, identity }: ClientState): Principal {
  const key = keys.get(keyId);
  if (key === undefined || hasExpired(key)) {
    const why = key === undefined ? 'is gone' : 'has expired';
    const detail = `The API key "${keyId}", which the client was registered with, ${why}`;
    throw new ProblemError('not-permitted', { detail });
  }
  return { kind: 'client', key, user: identity.user, may: identity.may };
}
