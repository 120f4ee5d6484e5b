import { apiKey } from '@holdfast/protocol/api-key';
import { captureLog } from '@holdfast/service/captured-log';
import { CompactSign } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { type TokenIssuer, rawToken, signedToken, tokenIssuer } from '../../testing/token-issuer.ts';
import { KeyRing } from '../authentication.ts';
import { TokenVerifier } from './token-verifier.ts';

const SECRET = 'a secret that is long enough for HMAC with SHA-256';
const secretSha256 = '0'.repeat(64);
const seconds = () => Math.floor(Date.now() / 1000);

let es256: TokenIssuer;
let rs256: TokenIssuer;
let eddsa: TokenIssuer;
beforeAll(async () => {
  [es256, rs256, eddsa] = await Promise.all([
    tokenIssuer('es'),
    tokenIssuer('rs', 'RS256'),
    tokenIssuer('ed', 'EdDSA'),
  ]);
});

const keyOf = (id: string, tokens: object | undefined, more: object = {}) =>
  apiKey.parse({ id, secretSha256, tokens, ...more });

const keysNow = () => [
  keyOf('es', { alg: 'ES256', publicJwk: es256.publicJwk }),
  keyOf('rs', { alg: 'RS256', publicJwk: rs256.publicJwk, issuer: 'https://login.example.com' }),
  keyOf('ed', { alg: 'EdDSA', publicJwk: eddsa.publicJwk, maxSeconds: 60 }),
  keyOf('hs', { alg: 'HS256', secret: SECRET, audience: 'chat' }),
  keyOf('over', { alg: 'ES256', publicJwk: es256.publicJwk }, { expiresAt: '2020-01-01T00:00:00Z' }),
  keyOf('none', undefined),
];

function verifier(now: () => number = Date.now) {
  const outcomes: string[] = [];
  const keys = new KeyRing(keysNow());
  const tokens = new TokenVerifier({
    keys,
    logger: captureLog().logger,
    onVerified: (outcome) => outcomes.push(outcome),
    onJwksFetched: () => undefined,
    now,
  });
  return { tokens, keys, outcomes };
}

const refused = (code: string, detail: string | RegExp) =>
  expect.objectContaining({
    code,
    details: { detail: typeof detail === 'string' ? detail : (expect.stringMatching(detail) as string) },
  }) as Error;

const invalid = (detail: string | RegExp) => refused('token-invalid', detail);

describe('a good token', () => {
  test('of each algorithm gives what it says, and the API key as it is now', async () => {
    const { tokens, keys } = verifier();
    const iat = seconds();
    const hf = {
      client: 'phone',
      topics: ['news.a', 'news.a', 'news.b'],
      may: { publish: ['typing.*'] },
      info: { a: 1 },
    };
    expect(await tokens.verify(await es256.sign({ iat, exp: iat + 60, hf, email: 'of no interest' }))).toEqual({
      key: keys.get('es'),
      user: 'ann',
      client: 'phone',
      topics: ['news.a', 'news.b'],
      may: { publish: ['typing.*'] },
      info: '{"a":1}',
      expiresAt: (iat + 60) * 1000,
      issuedAt: iat * 1000,
    });
    const bare = { client: 'ann', topics: [], may: null, info: null };
    expect(await tokens.verify(await rs256.sign({ iss: 'https://login.example.com' }))).toMatchObject(bare);
    expect(await tokens.verify(await eddsa.sign({ exp: iat + 50, aud: ['x', 'holdfast'] }))).toMatchObject(bare);
    const byHmac = signedToken(new TextEncoder().encode(SECRET), { alg: 'HS256', kid: 'hs' }, { aud: 'chat' });
    expect(await tokens.verify(await byHmac)).toMatchObject(bare);
  });

  test('is taken by clocks that are 30 s apart, and no more', async () => {
    const now = seconds();
    const { tokens } = verifier(() => now * 1000);
    const iat = now + 25;
    await tokens.verify(await es256.sign({ iat, nbf: iat, exp: iat + 9 }));
    await tokens.verify(await es256.sign({ iat: iat - 1000, exp: now - 25 }));
    const late = await es256.sign({ iat: iat - 1000, exp: now - 31 });
    await expect(tokens.verify(late)).rejects.toEqual(refused('token-expired', 'claim "exp": must be in the future'));
  });
});

describe('a signature', () => {
  test.each(['none', 'None', 'NONE', ''])('of the algorithm %j is refused', async (alg) => {
    const { tokens } = verifier();
    const claims = { sub: 'ann', aud: 'holdfast', iat: seconds(), exp: seconds() + 60 };
    for (const signature of ['', 'AAAA']) {
      const token = rawToken({ alg, kid: 'es' }, claims, signature);
      await expect(tokens.verify(token)).rejects.toEqual(invalid('header "alg": must be "ES256"'));
    }
  });

  test('by HMAC with a public key as the secret is refused', async () => {
    const { tokens } = verifier();
    const { publicJwk } = rs256;
    for (const text of [JSON.stringify(publicJwk), String(publicJwk.n)]) {
      const token = await signedToken(new TextEncoder().encode(text), { alg: 'HS256', kid: 'rs' });
      await expect(tokens.verify(token)).rejects.toEqual(invalid('header "alg": must be "RS256"'));
    }
  });

  test('by another key, or over other claims, is refused', async () => {
    const { tokens } = verifier();
    const wrong = invalid('signature: must be by a key that the API key named in "kid" has for its tokens');
    await expect(tokens.verify(await (await tokenIssuer('es')).sign())).rejects.toEqual(wrong);
    const [header, , signature] = (await es256.sign()).split('.');
    const [, claims] = (await es256.sign({ sub: 'bob' })).split('.');
    await expect(tokens.verify(`${header}.${claims}.${signature}`)).rejects.toEqual(wrong);
    const other = await signedToken(
      new TextEncoder().encode(`${SECRET}.`),
      { alg: 'HS256', kid: 'hs' },
      { aud: 'chat' },
    );
    await expect(tokens.verify(other)).rejects.toEqual(wrong);
  });
});

describe('a header', () => {
  test('with crit is refused, also with an extension that libraries know', async () => {
    const { tokens } = verifier();
    const claims = { sub: 'ann' };
    for (const header of [{ crit: ['exp'], exp: 1 }, { crit: ['b64'], b64: true }, { crit: [] }, { crit: null }]) {
      const token = rawToken({ alg: 'ES256', kid: 'es', ...header }, claims);
      await expect(tokens.verify(token)).rejects.toEqual(invalid('header "crit": must not be given'));
    }
  });

  test.each([undefined, 'missing', 'none', '', 7, '__proto__', 'https://evil.example.com/jwks.json'])(
    'that names the API key %j is refused',
    async (kid) => {
      const { tokens } = verifier();
      const refusal = invalid('header "kid": must be the id of an API key that takes tokens');
      await expect(tokens.verify(rawToken({ alg: 'ES256', kid }, {}))).rejects.toEqual(refusal);
    },
  );

  test('that names an API key that has expired is refused', async () => {
    const { tokens } = verifier();
    const refusal = invalid('header "kid": must be the id of an API key that has not expired');
    await expect(tokens.verify(await es256.sign({}, { kid: 'over' }))).rejects.toEqual(refusal);
  });
});

describe('a claim', () => {
  const hour = 3600;
  test.each<[object, string | RegExp]>([
    [{ sub: undefined }, 'claim "sub": must be given'],
    [{ sub: 7 }, 'claim "sub": must be of the type string'],
    [{ sub: '' }, 'claim "sub": must be 1 to 128 characters'],
    [{ sub: 'a'.repeat(129) }, 'claim "sub": must be 1 to 128 characters'],
    [{ sub: 'a\n' }, 'claim "sub": must not contain control characters'],
    [{ exp: undefined }, 'claim "exp": must be given'],
    [{ exp: '1800000000' }, 'claim "exp": must be of the type number'],
    [{ exp: 1e300 }, /^claim "exp": /],
    [{ exp: seconds() + 2 * hour }, 'claim "exp": must be at most 3600 s after iat'],
    [{ exp: seconds() - 5, iat: seconds() }, 'claim "exp": must be after iat'],
    [{ iat: undefined }, 'claim "iat": must be given'],
    [{ iat: -1 }, 'claim "iat": must be seconds since 1970'],
    [{ iat: seconds() + hour, exp: seconds() + hour + 30 }, 'claim "iat": must not be in the future'],
    [{ nbf: seconds() + hour }, 'claim "nbf": must not be in the future'],
    [{ nbf: 'soon' }, 'claim "nbf": must be of the type number'],
    [{ jti: 7 }, 'claim "jti": must be of the type string'],
    [{ iss: 7 }, 'claim "iss": must be of the type string'],
    [{ aud: undefined }, 'claim "aud": must be, or hold, "holdfast"'],
    [{ aud: 'other' }, 'claim "aud": must be, or hold, "holdfast"'],
    [{ aud: ['other', 'holdfast.x'] }, 'claim "aud": must be, or hold, "holdfast"'],
    [{ aud: { holdfast: true } }, 'claim "aud": must be a text, or a list of texts'],
    [{ exp: 1e308 }, 'claim "exp": must be seconds since 1970'],
    [{ iat: -1 }, 'claim "iat": must be seconds since 1970'],
    [{ nbf: 1e308 }, 'claim "nbf": must be seconds since 1970'],
    [{ sub: '..' }, 'claim "sub": must not be "." or ".."'],
    [{ sub: 'a'.repeat(129) }, 'claim "sub": must be 1 to 128 characters'],
    [{ sub: 'a\ud800' }, 'claim "sub": must be well-formed Unicode, without lone surrogates'],
    [{ sub: '~0123456789abcdef' }, 'claim "sub": must not be "~" and 16 hex digits: a client without a user'],
    [{ hf: { client: '' } }, 'claim "hf.client": must be 1 to 100 characters'],
    [{ hf: { user: 'bob' } }, 'claim "hf.user": is not a field of this call'],
    [{ hf: JSON.parse('{"__proto__":{"may":{}}}') as object }, 'claim "hf.__proto__": is not a field of this call'],
    [{ hf: 'ann' }, 'claim "hf": must be of the type object'],
    [{ hf: { topic: [] } }, 'claim "hf.topic": is not a field of this call'],
    [{ hf: { client: 7 } }, 'claim "hf.client": must be of the type string'],
    [{ hf: { topics: 'a' } }, 'claim "hf.topics": must be of the type array'],
    [{ hf: { topics: ['a', '@user'] } }, 'claim "hf.topics[1]": must be segments of A-Z a-z 0-9 _ - joined by "."'],
    [{ hf: { may: [] } }, 'claim "hf.may": must be of the type object'],
    [{ hf: { may: { manage: ['**'] } } }, 'claim "hf.may.manage": is not a field of this call'],
    [{ hf: { may: { subscribe: 'a' } } }, 'claim "hf.may.subscribe": must be of the type array'],
    [{ hf: { info: 'x'.repeat(2048) } }, 'claim "hf.info": must be JSON of at most 1024 bytes'],
  ])('%j is refused, and named', async (claims, detail) => {
    await expect(verifier().tokens.verify(await es256.sign({ ...claims }))).rejects.toEqual(invalid(detail));
  });

  test('that is wrong is named with every other one', async () => {
    const token = es256.sign({ sub: 7, exp: 'x', hf: { info: 1, topics: 3 } });
    await expect(verifier().tokens.verify(await token)).rejects.toEqual(
      invalid(/^claim "sub": .*; claim "exp": .*; claim "hf\.topics": /),
    );
  });

  test('iss must be that of the settings, where they have one', async () => {
    const { tokens } = verifier();
    for (const iss of [undefined, 'https://login.example.com/', 'https://evil.example.com']) {
      const refusal = invalid('claim "iss": must be "https://login.example.com"');
      await expect(tokens.verify(await rs256.sign({ iss }))).rejects.toEqual(refusal);
    }
  });

  test('is nothing of claims that are no JSON object', async () => {
    const token = await signedText('[1]');
    await expect(verifier().tokens.verify(token)).rejects.toEqual(invalid('the claims must be a JSON object'));
  });
});

/** A good signature of the key `hs` over whatever text. */
async function signedText(text: string): Promise<string> {
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'HS256', kid: 'hs' })
    .sign(new TextEncoder().encode(SECRET));
}

test('a token of 20 KiB is refused before anything is looked at', async () => {
  const { tokens, outcomes } = verifier();
  const token = await es256.sign({ filler: 'x'.repeat(20 * 1024) });
  await expect(tokens.verify(token)).rejects.toEqual(invalid('must be at most 8192 bytes'));
  expect(outcomes).toEqual([]);
});

describe('a token that comes again', () => {
  test('is not verified again, not even while the first verification is under way', async () => {
    const { tokens, outcomes } = verifier();
    const token = await es256.sign();
    await Promise.all([tokens.verify(token), tokens.verify(token)]);
    await tokens.verify(token);
    expect(outcomes).toEqual(['valid']);
    // Another signature is another token, whatever its claims are.
    const other = token.slice(0, -2) + (token.endsWith('AA') ? 'QA' : 'AA');
    await expect(tokens.verify(other)).rejects.toEqual(invalid(/^signature: /));
    expect(outcomes).toEqual(['valid', 'invalid']);
  });

  test('is refused once it has ended', async () => {
    let now = Date.now();
    const { tokens, outcomes } = verifier(() => now);
    const token = await es256.sign({ exp: seconds() + 60 });
    await tokens.verify(token);
    now += 92_000;
    await expect(tokens.verify(token)).rejects.toEqual(refused('token-expired', 'claim "exp": must be in the future'));
    expect(outcomes).toEqual(['valid']);
  });

  test('has the rights that its API key has by then, and none when that is gone or has expired', async () => {
    const { tokens, keys, outcomes } = verifier();
    const token = await es256.sign();
    await tokens.verify(token);
    const settings = { alg: 'ES256', publicJwk: es256.publicJwk };
    keys.replace([keyOf('es', settings, { can: { subscribe: ['a'] } })]);
    expect((await tokens.verify(token)).key.can.subscribe).toEqual(['a']);
    expect(outcomes).toEqual(['valid']);
    keys.replace([keyOf('es', settings, { expiresAt: '2020-01-01T00:00:00Z' })]);
    await expect(tokens.verify(token)).rejects.toEqual(invalid(/has not expired$/));
    keys.replace([]);
    await expect(tokens.verify(token)).rejects.toEqual(invalid(/^header "kid": /));
  });

  test('is verified anew, by the key as it is then, when the settings have changed', async () => {
    const { tokens, keys, outcomes } = verifier();
    const token = await es256.sign();
    await tokens.verify(token);
    keys.replace([keyOf('es', { alg: 'ES256', publicJwk: es256.publicJwk, audience: 'chat' })]);
    await expect(tokens.verify(token)).rejects.toEqual(invalid('claim "aud": must be, or hold, "chat"'));
    keys.replace([keyOf('es', { alg: 'ES256', publicJwk: (await tokenIssuer('es')).publicJwk })]);
    await expect(tokens.verify(token)).rejects.toEqual(invalid(/^signature: /));
    expect(outcomes).toEqual(['valid', 'invalid', 'invalid']);
  });
});

test('an API key whose public key is none refuses its tokens, and fails in no other way', async () => {
  const { tokens, keys } = verifier();
  keys.replace([keyOf('es', { alg: 'ES256', publicJwk: { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' } })]);
  await expect(tokens.verify(await es256.sign())).rejects.toEqual(invalid(/publicJwk that is no key$/));
});
