import { MAX_TOPICS, TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import { clientName } from '@holdfast/protocol/rest/clients';
import type { TokenSettings } from '@holdfast/protocol/token-settings';
import { topicName } from '@holdfast/protocol/topic-name';
import { type ClientMay, clientInfo, tokenMay, userName } from '@holdfast/protocol/user';
import { z } from 'zod';
import { faultsOf } from '../../http/validation.ts';
import { tokenExpired, tokenInvalid } from './refusals.ts';

const MS_PER_SECOND = 1000;

/** What a token says, once its signature was found good. */
export interface Claims {
  readonly user: string;
  /** Of the client for which it speaks: unique within the API key. */
  readonly client: string;
  readonly topics: readonly string[];
  readonly may: ClientMay | null;
  /** JSON; null: none. */
  readonly info: string | null;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly issuedAt: number;
}

/** Seconds since the epoch, possibly with a fraction (RFC 7519, NumericDate). */
const numericDate = z
  .number()
  .min(0, 'must be seconds since 1970')
  .max(Number.MAX_SAFE_INTEGER / MS_PER_SECOND, 'must be seconds since 1970');

const ownClaims = z.strictObject({
  client: clientName.optional(),
  topics: z.array(topicName).max(MAX_TOPICS, `must be at most ${MAX_TOPICS} topics`).optional(),
  may: tokenMay.optional(),
  info: clientInfo.optional(),
});

/** What else issuers write into tokens is none of this service's business. */
const registeredClaims = z.looseObject({
  sub: userName,
  exp: numericDate,
  iat: numericDate,
  nbf: numericDate.optional(),
  iss: z.string().optional(),
  jti: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())], { error: 'must be a text, or a list of texts' }).optional(),
  hf: ownClaims.optional(),
});

/**
 * The claims of a token whose signature is good.
 * @param now seconds since the epoch
 * @throws {ProblemError} token-invalid or token-expired, naming every claim that is wrong and its rule
 */
export function claimsOf(payload: Uint8Array, settings: TokenSettings, now: number): Claims {
  const result = registeredClaims.safeParse(jsonOf(payload));
  if (!result.success) throw tokenInvalid(faultsOf(result.error.issues).map(claimRule).join('; '));
  const { sub, exp, iat, nbf, iss, aud, hf = {} } = result.data;
  const { issuer, audience, maxSeconds } = settings;
  const refuse = (claim: string, rule: string): never => {
    throw tokenInvalid(claimRule({ field: claim, rule }));
  };
  if (issuer !== undefined && iss !== issuer) refuse('iss', `must be ${JSON.stringify(issuer)}`);
  if (!(Array.isArray(aud) ? aud : [aud]).includes(audience)) {
    refuse('aud', `must be, or hold, ${JSON.stringify(audience)}`);
  }
  if (iat > now + TOKEN_LEEWAY_SECONDS) refuse('iat', 'must not be in the future');
  if (exp <= iat) refuse('exp', 'must be after iat');
  if (exp - iat > maxSeconds) refuse('exp', `must be at most ${maxSeconds} s after iat`);
  if (nbf !== undefined && nbf > now + TOKEN_LEEWAY_SECONDS) refuse('nbf', 'must not be in the future');
  if (hasEnded(exp * MS_PER_SECOND, now * MS_PER_SECOND)) throw tokenExpired();
  return {
    user: sub,
    client: hf.client ?? sub,
    topics: [...new Set(hf.topics)],
    may: hf.may ?? null,
    info: hf.info === undefined || hf.info === null ? null : JSON.stringify(hf.info),
    expiresAt: Math.floor(exp * MS_PER_SECOND),
    issuedAt: Math.floor(iat * MS_PER_SECOND),
  };
}

/** Whether an authorization is over, clocks that are apart allowed for; both in milliseconds since the epoch. */
export function hasEnded(expiresAt: number, now: number): boolean {
  return expiresAt + TOKEN_LEEWAY_SECONDS * MS_PER_SECOND <= now;
}

function claimRule({ field, rule }: { field: string; rule: string }): string {
  return field === '' ? 'the claims must be a JSON object' : `claim "${field}": ${rule}`;
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    // Neither UTF-8 nor JSON: the schema names the rule.
    return undefined;
  }
}
