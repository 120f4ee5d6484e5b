import { apiKeyId } from '@holdfast/protocol/api-key';
import { z } from 'zod';
import type { ProblemError } from '../../http/problem-error.ts';
import { tokenInvalid } from './refusals.ts';

const TOKEN = /^([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/;

/**
 * The header of what has the form of a JSON Web Token (RFC 7519) in its compact serialization: three parts in base64url,
 * of which the first is a JSON object with `alg`. Null for anything else, such as an API key whose secret has a dot.
 */
export function jwtHeaderOf(text: string): Record<string, unknown> | null {
  const encoded = TOKEN.exec(text)?.[1];
  if (encoded === undefined) return null;
  try {
    const header: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof header === 'object' && header !== null && 'alg' in header ? { ...header } : null;
  } catch {
    // No JSON.
    return null;
  }
}

/** What of a header plays a part before the signature is known to be good. */
export interface TokenHeader {
  /** The API key that the token names as the one that vouches for it. */
  readonly keyId: string;
  readonly alg: string;
}

const header = z.object({ crit: z.never().optional(), alg: z.string(), kid: apiKeyId });

/** @throws {ProblemError} token-invalid, also for extensions that are called critical (`crit`): none is known */
export function tokenHeaderOf(token: string): TokenHeader {
  const { success, data, error } = header.safeParse(jwtHeaderOf(token));
  if (success) return { keyId: data.kid, alg: data.alg };
  const [wrong] = error.issues[0]?.path ?? [];
  if (wrong === 'crit') throw tokenInvalid('header "crit": must not be given');
  throw wrong === 'kid' ? unknownKeyId() : tokenInvalid('header "alg": must be a text');
}

export function unknownKeyId(): ProblemError {
  return tokenInvalid('header "kid": must be the id of an API key that takes tokens');
}
