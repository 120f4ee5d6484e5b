import { type JsonWebKeyInput, type KeyObject, createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto';

/** Shorter than a page stays open, for a page renews its token by itself; long enough not to ask all the time. */
const DEFAULT_SECONDS = 900;
const DEFAULT_AUDIENCE = 'holdfast';

/** A JSON Web Key (RFC 7517). */
export interface PrivateJwk {
  kty?: string | undefined;
  crv?: string | undefined;
  d?: string | undefined;
  k?: string | undefined;
  kid?: string | undefined;
  [parameter: string]: unknown;
}

export interface TokenIssuerOptions {
  /**
   * The private key as a JSON Web Key, or its JSON text: what `npx holdfast key create --tokens` gave. ES256 (P-256),
   * EdDSA (Ed25519), RS256 and HS256.
   */
  privateJwk: PrivateJwk | string;
  /** The id of the API key; the `kid` of the JSON Web Key otherwise. */
  keyId?: string | undefined;
  /** What the API key has as `audience`; `holdfast` by default. */
  audience?: string | undefined;
  /** What the API key has as `issuer`. */
  issuer?: string | undefined;
}

export interface TokenClaims {
  /** Who is logged in: becomes the `user` of the client. */
  user: string;
  /** What the client is subscribed to. */
  topics?: readonly string[] | undefined;
  /** What the client may do by itself, never more than the API key: patterns of topics. */
  may?: { subscribe?: readonly string[]; publish?: readonly string[]; presence?: readonly string[] } | undefined;
  /** The name of the client, one for each tab or device; that of the user otherwise, and then the newest replaces the others. */
  client?: string | undefined;
  /** What others see of it: JSON of at most 1 KiB. */
  info?: unknown;
  /** For how long it is valid; 900 by default. */
  seconds?: number | undefined;
}

export interface TokenIssuer {
  /** A token for a user, for a page to give to `connect`. Makes no call. */
  readonly issue: (claims: TokenClaims) => string;
}

/** Makes tokens for users who are logged in. Raises TypeError for a key that cannot sign. */
export function createTokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { audience = DEFAULT_AUDIENCE, issuer } = options;
  const jwk = typeof options.privateJwk === 'string' ? parsed(options.privateJwk) : options.privateJwk;
  const keyId = options.keyId ?? jwk.kid;
  if (typeof keyId !== 'string') throw new TypeError('the key has no "kid": name the API key in keyId');
  const { alg, signed } = signerOf(jwk);
  const header = part({ alg, kid: keyId, typ: 'JWT' });
  return {
    issue: ({ user, topics, may, client, info, seconds = DEFAULT_SECONDS }) => {
      if (user === '') throw new TypeError('a token is for a user');
      const iat = Math.floor(Date.now() / 1000);
      const hf = { client, topics, may, info };
      const claims = { sub: user, aud: audience, iss: issuer, iat, exp: iat + seconds, jti: randomUUID(), hf };
      const text = `${header}.${part(claims)}`;
      return `${text}.${signed(text).toString('base64url')}`;
    },
  };
}

interface Signer {
  readonly alg: string;
  readonly signed: (text: string) => Buffer;
}

/** RFC 7518, section 3, and RFC 8037. */
function signerOf(jwk: PrivateJwk): Signer {
  if (jwk.kty === 'oct' && typeof jwk.k === 'string') {
    const secret = Buffer.from(jwk.k, 'base64url');
    return { alg: 'HS256', signed: (text) => createHmac('sha256', secret).update(text).digest() };
  }
  if (jwk.d === undefined) throw new TypeError('it is no private key: a public one signs nothing');
  const key = privateKey(jwk);
  switch (`${jwk.kty} ${jwk.crv ?? ''}`) {
    case 'EC P-256':
      return { alg: 'ES256', signed: (text) => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }) };
    case 'OKP Ed25519':
      return { alg: 'EdDSA', signed: (text) => sign(null, Buffer.from(text), key) };
    case 'RSA ':
      return { alg: 'RS256', signed: (text) => sign('sha256', Buffer.from(text), key) };
    default:
      throw new TypeError(
        `keys of type ${jwk.kty} ${jwk.crv ?? ''} are not for tokens: P-256, Ed25519, RSA or oct are`,
      );
  }
}

function privateKey(jwk: PrivateJwk): KeyObject {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput);
  } catch (cause) {
    throw new TypeError('it is no private key', { cause });
  }
}

function parsed(text: string): PrivateJwk {
  try {
    return JSON.parse(text) as PrivateJwk;
  } catch (cause) {
    throw new TypeError('the key is not JSON', { cause });
  }
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
