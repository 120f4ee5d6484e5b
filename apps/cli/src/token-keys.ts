import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type CryptoKey, type JWK, SignJWT, base64url, exportJWK, generateKeyPair, importJWK } from 'jose';
import { CliError, exitCodes } from './errors.ts';

/** The algorithms that tokens may have, the default first. */
export const TOKEN_ALGORITHMS = ['ES256', 'RS256', 'EdDSA', 'HS256'] as const;

export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

const BY_KEY_TYPE: Readonly<Record<string, TokenAlgorithm>> = { EC: 'ES256', RSA: 'RS256', OKP: 'EdDSA', oct: 'HS256' };
/** As long as the output of SHA-256 (RFC 7518, 3.2). */
const SECRET_BYTES = 32;
/** It signs tokens: for the owner alone. */
const FILE_MODE = 0o600;

/** What signs tokens, for whoever issues them, and what verifies them, for the keys file. */
export interface TokenKeys {
  /** A JSON Web Key (RFC 7517); its `kid` is the id of the API key, as the header of each token needs it. */
  readonly privateJwk: JWK;
  readonly settings: { alg: 'HS256'; secret: string } | { alg: Exclude<TokenAlgorithm, 'HS256'>; publicJwk: object };
}

export async function newTokenKeys(keyId: string, alg: TokenAlgorithm): Promise<TokenKeys> {
  if (alg === 'HS256') {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    return { privateJwk: { kty: 'oct', k: base64url.encode(secret), alg, kid: keyId }, settings: { alg, secret } };
  }
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const [publicJwk, privateJwk] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
  return { privateJwk: { ...privateJwk, alg, kid: keyId }, settings: { alg, publicJwk } };
}

/** Writes the private key into a file that is not there yet. Raises CliError `key-file-exists`. */
export async function writePrivateKey(file: string, privateJwk: JWK): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(privateJwk)}\n`, { mode: FILE_MODE, flag: 'wx' });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    throw new CliError(exitCodes.usage, 'key-file-exists', `${file} is there already: name another file.`, { cause });
  }
}

export interface SigningKey {
  readonly alg: TokenAlgorithm;
  readonly key: CryptoKey | Uint8Array;
  /** Of the API key, where the file says it. */
  readonly kid: string | undefined;
}

/** Reads what `key create --tokens` has given. Raises CliError `key-file-invalid`. */
export async function readSigningKey(file: string): Promise<SigningKey> {
  try {
    const jwk = JSON.parse(await readFile(file, 'utf8')) as JWK;
    const alg = TOKEN_ALGORITHMS.find((known) => known === jwk.alg) ?? BY_KEY_TYPE[String(jwk.kty)];
    if (alg === undefined) throw new Error(`its "alg" must be one of ${TOKEN_ALGORITHMS.join(', ')}`);
    if (jwk.d === undefined && jwk.k === undefined) throw new Error('it is a public key, which signs nothing');
    return { alg, key: await importJWK(jwk, alg), kid: jwk.kid };
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const why = isMissing
      ? 'there is no such file'
      : cause instanceof SyntaxError
        ? 'it is not JSON'
        : cause instanceof Error
          ? cause.message
          : 'it is no key';
    throw new CliError(
      exitCodes.usage,
      'key-file-invalid',
      `${file} must hold the private key that "key create --tokens" has given: ${why}.`,
      { cause },
    );
  }
}

/** Signs a token. `claims` without a value are left out. */
export function signToken({ alg, key }: SigningKey, kid: string, claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(key);
}
