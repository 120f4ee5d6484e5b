import { z } from 'zod';
import { DEFAULT_TOKEN_SECONDS, MAX_TOKEN_SECONDS } from './limits.ts';

/** JSON Web Keys (RFC 7517, RFC 8037) as far as they can be public keys of the algorithms that tokens take. */
const common = {
  kid: z.string().optional(),
  use: z.literal('sig').optional(),
  key_ops: z.array(z.string()).optional(),
};
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url');

/** Public keys, by the algorithm that they are for. */
export const publicJwk = {
  ES256: z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: base64url,
    y: base64url,
    alg: z.literal('ES256').optional(),
    ...common,
  }),
  RS256: z.strictObject({
    kty: z.literal('RSA'),
    n: base64url.min(342, 'must be of 2,048 bits at least'),
    e: base64url,
    alg: z.literal('RS256').optional(),
    ...common,
  }),
  EdDSA: z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: base64url,
    alg: z.enum(['EdDSA', 'Ed25519']).optional(),
    ...common,
  }),
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Over TLS, but from the own machine. */
const jwksUrl = z.url().refine((text) => {
  const { protocol, hostname, username, password } = new URL(text);
  const safe = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
  return safe && username === '' && password === '';
}, 'must be an https:// URL without a password; http:// is for the own machine only');

const shared = {
  issuer: z.string().min(1).optional().describe('What the claim `iss` must be; any when it is not given'),
  audience: z.string().min(1).default('holdfast').describe('What the claim `aud` must hold'),
  maxSeconds: z
    .int()
    .min(1)
    .max(MAX_TOKEN_SECONDS)
    .default(DEFAULT_TOKEN_SECONDS)
    .describe('From `iat` to `exp` at most'),
};

function asymmetric<Algorithm extends keyof typeof publicJwk>(alg: Algorithm) {
  return z
    .strictObject({
      alg: z.literal(alg),
      publicJwk: publicJwk[alg].optional(),
      jwksUrl: jwksUrl.optional(),
      ...shared,
    })
    .refine(
      (settings) => (settings.publicJwk === undefined) !== (settings.jwksUrl === undefined),
      'must have either publicJwk or jwksUrl',
    );
}

/** How the tokens of an API key are verified. The algorithm is fixed here and never taken from a token. */
export const tokenSettings = z.discriminatedUnion('alg', [
  asymmetric('ES256'),
  asymmetric('RS256'),
  asymmetric('EdDSA'),
  z.strictObject({ alg: z.literal('HS256'), secret: z.string().min(1), ...shared }),
]);

export type TokenSettings = z.output<typeof tokenSettings>;
