import type { TokenSettings } from '@holdfast/protocol/token-settings';
import { type CryptoKey, compactVerify, errors } from 'jose';
import { ProblemError } from '../../http/problem-error.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { type IssuerKey, importPublicKey } from './jwks-document.ts';
import { tokenInvalid } from './refusals.ts';
import type { TokenHeader } from './token-header.ts';

/** Keys of an issuer that are tried for one token. */
const MAX_TRIED = 10;
/** When the keys of an issuer may be there again. */
const ISSUER_RETRY_SECONDS = 5;

/** The names in token headers of the one algorithm that an API key has (RFC 9864 gave that of Ed25519 a second one). */
const ACCEPTED: Readonly<Record<TokenSettings['alg'], readonly string[]>> = {
  ES256: ['ES256'],
  RS256: ['RS256'],
  EdDSA: ['EdDSA', 'Ed25519'],
  HS256: ['HS256'],
};

/** A signature that was found good. */
export interface Signed {
  readonly payload: Uint8Array;
  /** Whether the key that made it is still one of those that may. */
  readonly isCurrent: () => boolean;
}

/** Verifies signatures by the settings of one API key: its algorithm and no other, whatever a token says of itself. */
export class Signatures {
  readonly #settings: TokenSettings;
  readonly #issuer: IssuerKeys | null;
  #key: Promise<CryptoKey> | undefined;

  /** `issuer`: the keys behind the `jwksUrl` of the settings; null when they have none. */
  constructor(settings: TokenSettings, issuer: IssuerKeys | null) {
    this.#settings = settings;
    this.#issuer = issuer;
  }

  /** @throws {ProblemError} token-invalid, or api-busy while the issuer's keys are not to be had */
  async verify(token: string, { keyId, alg }: TokenHeader): Promise<Signed> {
    // Before any key is asked for: no token has one fetched for an algorithm that is none of the API key's.
    if (!ACCEPTED[this.#settings.alg].includes(alg)) throw wrongAlgorithm(this.#settings.alg);
    if (this.#issuer !== null) return this.#verifyByIssuer(this.#issuer, token, keyId);
    // Imported once: that takes as long as a verification.
    this.#key ??= importKey(this.#settings);
    const key = await this.#key.catch(() => {
      throw tokenInvalid('signature: the API key named in "kid" has a publicJwk that is no key');
    });
    const payload = await this.#payloadOf(token, key);
    if (payload === null) throw wrongSignature();
    return { payload, isCurrent: () => true };
  }

  async #verifyByIssuer(issuer: IssuerKeys, token: string, keyId: string): Promise<Signed> {
    const known = await issuer.known();
    if (known === null) {
      throw new ProblemError('api-busy', {
        detail: 'The keys of the issuer of tokens (its JWKS) cannot be fetched at the moment',
        retryAfterSeconds: ISSUER_RETRY_SECONDS,
      });
    }
    const tried = new Set(known.map(({ id }) => id));
    const signed = await this.#tryAll(known, issuer, token, keyId);
    if (signed !== null) return signed;
    await issuer.renew();
    // Also when another token has had them fetched meanwhile.
    const added = ((await issuer.known()) ?? []).filter(({ id }) => !tried.has(id));
    const signedByAdded = await this.#tryAll(added, issuer, token, keyId);
    if (signedByAdded === null) throw wrongSignature();
    return signedByAdded;
  }

  /** Null when none of them has signed it. */
  async #tryAll(keys: readonly IssuerKey[], issuer: IssuerKeys, token: string, keyId: string): Promise<Signed | null> {
    const fitting = keys.filter(({ alg }) => alg === this.#settings.alg);
    const named = (key: IssuerKey): number => (key.kid === keyId ? 0 : 1);
    for (const { id, key } of fitting.toSorted((a, b) => named(a) - named(b)).slice(0, MAX_TRIED)) {
      const payload = await this.#payloadOf(token, key);
      if (payload !== null) return { payload, isCurrent: () => issuer.has(id) };
    }
    return null;
  }

  /** Null when another key has signed it. */
  async #payloadOf(token: string, key: CryptoKey): Promise<Uint8Array | null> {
    const { alg } = this.#settings;
    try {
      return (await compactVerify(token, key, { algorithms: [...ACCEPTED[alg]] })).payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return null;
      if (error instanceof errors.JOSEAlgNotAllowed) throw wrongAlgorithm(alg);
      if (error instanceof errors.JOSEError) throw tokenInvalid('must be a signed JSON Web Token (RFC 7515, RFC 7519)');
      throw error;
    }
  }
}

function wrongAlgorithm(alg: string): ProblemError {
  return tokenInvalid(`header "alg": must be "${alg}"`);
}

function wrongSignature(): ProblemError {
  return tokenInvalid('signature: must be by a key that the API key named in "kid" has for its tokens');
}

/** The key of settings that hold it themselves. Rejects when it is none, such as a point that is not on its curve. */
export async function importKey(settings: TokenSettings): Promise<CryptoKey> {
  if (settings.alg === 'HS256') {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    return crypto.subtle.importKey('raw', new TextEncoder().encode(settings.secret), algorithm, false, ['verify']);
  }
  const { alg, publicJwk } = settings;
  if (publicJwk === undefined) throw new Error('The key of these settings is behind a URL');
  const { kid: _kid, use: _use, key_ops: _operations, ...members } = publicJwk;
  return importPublicKey({ ...members, alg }, alg);
}
