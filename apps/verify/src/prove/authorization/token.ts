import { createHmac, randomBytes } from 'node:crypto';

/** An API key whose tokens a run signs itself. */
export interface TokenKey {
  id: string;
  /** Of HMAC with SHA-256. */
  secret: string;
}

export interface Token {
  text: string;
  /** In milliseconds since 1970. */
  expiresAt: number;
}

export function newTokenKey(): TokenKey {
  return { id: 'prove-tokens', secret: randomBytes(32).toString('base64url') };
}

/** A token for a user, whose client has the same name, valid from now on. */
export function mint({ id, secret }: TokenKey, user: string, topics: readonly string[], seconds: number): Token {
  const issuedAt = Math.floor(Date.now() / 1000);
  const claims = {
    sub: user,
    aud: 'holdfast',
    iat: issuedAt,
    exp: issuedAt + seconds,
    hf: { client: user, topics },
  };
  const signed = [{ alg: 'HS256', kid: id, typ: 'JWT' }, claims].map(encoded).join('.');
  const signature = createHmac('sha256', secret).update(signed).digest('base64url');
  return { text: `${signed}.${signature}`, expiresAt: claims.exp * 1000 };
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
