import { hash } from 'node:crypto';
import type { ApiKey } from '@holdfast/protocol/api-key';
import { MAX_TOKEN_BYTES } from '@holdfast/protocol/limits';
import type { TokenSettings } from '@holdfast/protocol/token-settings';
import type { Logger } from '@holdfast/service/logger';
import { ProblemError } from '../../http/problem-error.ts';
import { type KeyRing, hasExpired } from '../authentication.ts';
import { type Claims, claimsOf, hasEnded } from './claims.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { tokenExpired, tokenInvalid } from './refusals.ts';
import { Signatures, type Signed } from './signatures.ts';
import { tokenHeaderOf, unknownKeyId } from './token-header.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** What a good token says, and the API key that vouches for it, as that is now. */
export interface VerifiedToken extends Claims {
  readonly key: ApiKey;
}

type VerificationOutcome = 'valid' | 'invalid' | 'expired' | 'unavailable';

export interface TokenVerifierOptions {
  readonly keys: KeyRing;
  readonly logger: Logger;
  /** Called for each token that had to be looked into: not for one that was verified before. */
  readonly onVerified: (outcome: VerificationOutcome) => void;
  readonly onJwksFetched: (outcome: 'fetched' | 'failed') => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What an API key needs to have tokens verified; another object once its settings change. */
interface Issuer {
  /** The settings as text. */
  readonly text: string;
  /** The object that the key ring has of them. */
  current: TokenSettings;
  readonly signatures: Signatures;
}

interface Verified {
  readonly keyId: string;
  readonly issuer: Issuer;
  readonly claims: Claims;
  readonly isCurrent: Signed['isCurrent'];
}

/**
 * Verifies tokens by the settings of the API keys in force. A token is verified once: equal ones share a verification that
 * is under way, and later ones its result, until the token ends or the settings of its API key change.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #now: () => number;
  readonly #verified = new VerifiedTokens<Verified>();
  readonly #underWay = new Map<string, Promise<Verified>>();
  readonly #issuers = new Map<string, Issuer>();
  readonly #issuerKeys = new Map<string, IssuerKeys>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** @throws {ProblemError} token-invalid or token-expired; api-busy while the issuer's keys are not to be had */
  async verify(token: string): Promise<VerifiedToken> {
    if (token.length > MAX_TOKEN_BYTES) throw tokenInvalid(`must be at most ${MAX_TOKEN_BYTES} bytes`);
    // By the whole token: one with another signature is another token.
    const id = hash('sha256', token, 'base64');
    const { keyId, claims } = this.#current(id) ?? (await this.#share(id, token));
    return { ...claims, key: this.#keyOf(keyId) };
  }

  /** What is known of a token, as far as it still holds. */
  #current(id: string): Verified | undefined {
    const known = this.#verified.get(id);
    if (known === undefined) return undefined;
    if (hasEnded(known.claims.expiresAt, this.#now())) {
      this.#verified.delete(id);
      throw tokenExpired();
    }
    const holds = this.#issuerOf(this.#keyOf(known.keyId)) === known.issuer && known.isCurrent();
    if (holds) return known;
    this.#verified.delete(id);
    return undefined;
  }

  #share(id: string, token: string): Promise<Verified> {
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) return underWay;
    const started = this.#verifyOnce(id, token).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, started);
    return started;
  }

  async #verifyOnce(id: string, token: string): Promise<Verified> {
    try {
      const header = tokenHeaderOf(token);
      const { keyId } = header;
      const issuer = this.#issuerOf(this.#keyOf(keyId));
      const { payload, isCurrent } = await issuer.signatures.verify(token, header);
      const claims = claimsOf(payload, issuer.current, this.#now() / 1000);
      const verified = { keyId, issuer, claims, isCurrent };
      this.#verified.set(id, verified, payload.length);
      this.#options.onVerified('valid');
      return verified;
    } catch (error) {
      this.#options.onVerified(outcomeOf(error));
      throw error;
    }
  }

  #keyOf(keyId: string): ApiKey {
    const key = this.#options.keys.get(keyId);
    if (key?.tokens === undefined) throw unknownKeyId();
    if (hasExpired(key)) throw tokenInvalid('header "kid": must be the id of an API key that has not expired');
    return key;
  }

  #issuerOf({ id, tokens: settings }: ApiKey): Issuer {
    if (settings === undefined) throw unknownKeyId();
    const known = this.#issuers.get(id);
    if (known !== undefined && known.current === settings) return known;
    // The keys file was read again: maybe with other settings.
    const text = JSON.stringify(settings);
    if (known?.text === text) {
      known.current = settings;
      return known;
    }
    const signatures = new Signatures(settings, this.#issuerKeysOf(settings));
    const issuer = { text, current: settings, signatures };
    this.#issuers.set(id, issuer);
    this.#forgetUnused();
    return issuer;
  }

  #issuerKeysOf(settings: TokenSettings): IssuerKeys | null {
    if (settings.alg === 'HS256' || settings.jwksUrl === undefined) return null;
    const { jwksUrl: url } = settings;
    const known = this.#issuerKeys.get(url);
    if (known !== undefined) return known;
    const { logger, onJwksFetched: onFetched } = this.#options;
    const issuerKeys = new IssuerKeys({ url, logger, now: this.#now, onFetched });
    this.#issuerKeys.set(url, issuerKeys);
    return issuerKeys;
  }

  /** What belongs to API keys that are gone, and to URLs that none has any more. */
  #forgetUnused(): void {
    const { keys } = this.#options;
    for (const id of this.#issuers.keys()) if (keys.get(id) === undefined) this.#issuers.delete(id);
    const urls = new Set(
      [...this.#issuers.values()].flatMap(({ current }) => ('jwksUrl' in current ? (current.jwksUrl ?? []) : [])),
    );
    for (const url of this.#issuerKeys.keys()) if (!urls.has(url)) this.#issuerKeys.delete(url);
  }
}

function outcomeOf(error: unknown): VerificationOutcome {
  if (!(error instanceof ProblemError)) return 'unavailable';
  if (error.code === 'token-invalid') return 'invalid';
  return error.code === 'token-expired' ? 'expired' : 'unavailable';
}
