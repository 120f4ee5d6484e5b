import { decodeJwt, exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { createTokenIssuer } from './token-issuer.ts';

const OCT = { kty: 'oct', k: Buffer.from('a secret of thirty-two bytes ....').toString('base64url'), kid: 'web' };

async function keyPair(alg: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    publicKey,
    privateJwk: { ...(await exportJWK(privateKey)), kid: 'web' },
    publicJwk: await exportJWK(publicKey),
  };
}

describe('a token issuer', () => {
  it.each(['ES256', 'EdDSA', 'RS256'])('signs %s as jose verifies it', async (alg) => {
    const { publicKey, privateJwk } = await keyPair(alg);
    const issuer = createTokenIssuer({ privateJwk, issuer: 'https://app.example.com' });
    const token = issuer.issue({ user: 'ann', topics: ['news.sport'], may: { publish: ['chat.*'] }, client: 'tab-1' });
    const verified = await jwtVerify(token, publicKey, { audience: 'holdfast', issuer: 'https://app.example.com' });
    expect(verified.protectedHeader).toEqual({ alg, kid: 'web', typ: 'JWT' });
    expect(verified.payload).toMatchObject({
      sub: 'ann',
      hf: { client: 'tab-1', topics: ['news.sport'], may: { publish: ['chat.*'] } },
    });
  });

  it('signs HS256 with a shared secret', async () => {
    const token = createTokenIssuer({ privateJwk: JSON.stringify(OCT) }).issue({ user: 'ann' });
    const { payload } = await jwtVerify(token, await importJWK(OCT, 'HS256'));
    expect(payload.sub).toBe('ann');
  });

  it('gives a token 15 minutes, or as long as is asked for, and no two the same', () => {
    const issuer = createTokenIssuer({ privateJwk: OCT });
    const lives = [{}, { seconds: 60 }].map((given) => {
      const { iat = 0, exp = 0 } = decodeJwt(issuer.issue({ user: 'ann', ...given }));
      return exp - iat;
    });
    expect(lives).toEqual([900, 60]);
    expect(issuer.issue({ user: 'ann' })).not.toBe(issuer.issue({ user: 'ann' }));
  });

  it('is not made of what cannot sign, and says why', async () => {
    const { privateJwk, publicJwk } = await keyPair('ES256');
    const other = await keyPair('ES384');
    expect(() => createTokenIssuer({ privateJwk: { ...publicJwk, kid: 'web' } })).toThrow(/no private key/);
    expect(() => createTokenIssuer({ privateJwk: other.privateJwk })).toThrow(/EC P-384 are not for tokens/);
    expect(() => createTokenIssuer({ privateJwk: { ...privateJwk, kid: undefined } })).toThrow(/keyId/);
    expect(() => createTokenIssuer({ privateJwk: '{' })).toThrow(/not JSON/);
    expect(() => createTokenIssuer({ privateJwk }).issue({ user: '' })).toThrow(/for a user/);
  });
});
