import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, type JWK, SignJWT, exportJWK, generateKeyPair } from 'jose';

type Algorithm = 'ES256' | 'RS256' | 'EdDSA';

/** Signs tokens, as a backend does that has logged its user in. */
export interface TokenIssuer {
  readonly publicJwk: JWK;
  /** A token for half an hour; `claims` and `header` replace what it would have, undefined leaves it out. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

export async function tokenIssuer(keyId: string, alg: Algorithm = 'ES256'): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  return {
    publicJwk,
    sign: (claims = {}, header = {}) => signedToken(privateKey, { alg, kid: keyId, ...header }, claims),
  };
}

const HALF_AN_HOUR = 1800;

/** Signs whatever claims it is given. */
export function signedToken(
  key: CryptoKey | Uint8Array,
  header: { alg: string } & Record<string, unknown>,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const usual = { sub: 'ann', aud: 'holdfast', iat, exp: iat + HALF_AN_HOUR };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader(header).sign(key);
}

/** A token that no library would sign. */
export function rawToken(header: object, claims: object | string, signature = 'AAAA'): string {
  return `${part(header)}.${part(claims)}.${signature}`;
}

function part(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A JWKS over HTTP that can be slow, broken or away. */
export interface JwksServer {
  readonly url: string;
  /** Requests so far. */
  readonly requests: () => number;
  /** Answers from here on. */
  answer: (with_: (response: ServerResponse) => void) => void;
  stop: () => Promise<void>;
}

export async function startJwksServer(keys: readonly JWK[]): Promise<JwksServer> {
  let requests = 0;
  let answer = jwksOf(keys);
  const server: Server = createServer((_request, response) => {
    requests += 1;
    answer(response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    requests: () => requests,
    answer: (next) => (answer = next),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The answer of an issuer whose keys these are. */
export function jwksOf(keys: readonly unknown[]): (response: ServerResponse) => void {
  return (response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
}
