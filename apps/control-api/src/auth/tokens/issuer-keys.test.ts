import { apiKey } from '@holdfast/protocol/api-key';
import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type JwksServer,
  type TokenIssuer,
  jwksOf,
  rawToken,
  startJwksServer,
  tokenIssuer,
} from '../../testing/token-issuer.ts';
import { KeyRing } from '../authentication.ts';
import { TokenVerifier } from './token-verifier.ts';

const MINUTE_MS = 60_000;

let issuer: TokenIssuer;
let server: JwksServer;
beforeEach(async () => {
  issuer = await tokenIssuer('web');
  server = await startJwksServer([issuer.publicJwk]);
});
afterEach(() => server.stop());

function verifierOf(settings: object = {}) {
  const clock = { ms: Date.now() };
  const fetched: string[] = [];
  const log = captureLog();
  const key = (id: string) =>
    apiKey.parse({ id, secretSha256: '0'.repeat(64), tokens: { alg: 'ES256', jwksUrl: server.url, ...settings } });
  const tokens = new TokenVerifier({
    keys: new KeyRing([key('web'), key('second')]),
    logger: log.logger,
    onVerified: () => undefined,
    onJwksFetched: (outcome) => fetched.push(outcome),
    now: () => clock.ms,
  });
  return { tokens, clock, fetched, log };
}

const refused = (code: string) => expect.objectContaining({ code }) as Error;
/** That lasts as long as one may. */
const lasting = (of: TokenIssuer, claims: object = {}) => {
  const iat = Math.floor(Date.now() / 1000);
  return of.sign({ iat, exp: iat + 3600, ...claims });
};

describe('the keys of an issuer', () => {
  test('are fetched once, for all API keys with its URL and all calls that wait', async () => {
    const { tokens } = verifierOf();
    const second = issuer.sign({}, { kid: 'second' });
    const [first, other] = await Promise.all([tokens.verify(await issuer.sign()), tokens.verify(await second)]);
    expect([first.key.id, other.key.id]).toEqual(['web', 'second']);
    await tokens.verify(await issuer.sign({ sub: 'bob' }));
    expect(server.requests()).toBe(1);
  });

  test('are all tried that fit, those of another algorithm or use are not, and broken ones do no harm', async () => {
    const [rsa, other] = await Promise.all([tokenIssuer('web', 'RS256'), tokenIssuer('web')]);
    server.answer(
      jwksOf([
        null,
        { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
        { ...issuer.publicJwk, alg: 'ES384' },
        { ...other.publicJwk, use: 'enc' },
        rsa.publicJwk,
        (await tokenIssuer('web')).publicJwk,
        { ...issuer.publicJwk, kid: 'their-own-name', use: 'sig', alg: 'ES256' },
      ]),
    );
    const { tokens } = verifierOf();
    await tokens.verify(await issuer.sign());
    await expect(tokens.verify(await other.sign())).rejects.toEqual(refused('token-invalid'));
    await expect(tokens.verify(await rsa.sign())).rejects.toEqual(refused('token-invalid'));
  });

  test('are ten at most for one token, those named like the API key first', async () => {
    const many = await Promise.all(Array.from({ length: 11 }, () => tokenIssuer('web')));
    const keys = many.map(({ publicJwk }) => publicJwk);
    const last = many.at(-1);
    server.answer(jwksOf(keys));
    await expect(verifierOf().tokens.verify((await last?.sign()) ?? '')).rejects.toEqual(refused('token-invalid'));
    server.answer(jwksOf([...keys.slice(0, -1), { ...keys.at(-1), kid: 'web' }]));
    await verifierOf().tokens.verify((await last?.sign()) ?? '');
  });

  test('are fetched again when none of them has signed a token, at most once in 30 s', async () => {
    const { tokens, clock } = verifierOf();
    await tokens.verify(await issuer.sign());
    const forged = await Promise.all(Array.from({ length: 20 }, async () => (await tokenIssuer('web')).sign()));
    const flood = () => Promise.allSettled(forged.map((token) => tokens.verify(token)));
    await flood();
    expect(server.requests()).toBe(1);
    clock.ms += 30_000;
    const answers = await flood();
    await flood();
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    expect(server.requests()).toBe(2);
  });

  test('are not fetched for tokens that are refused whatever the keys are', async () => {
    const { tokens } = verifierOf();
    for (const header of [{ alg: 'none' }, { alg: 'HS256' }, { alg: 'ES256', kid: 'x' }, { alg: 'ES256', crit: [] }]) {
      const token = rawToken({ kid: 'web', jku: server.url, ...header }, {});
      await expect(tokens.verify(token)).rejects.toEqual(refused('token-invalid'));
    }
    expect(server.requests()).toBe(0);
  });

  test('that are new are found by the first token that one of them has signed', async () => {
    const { tokens, clock } = verifierOf();
    await tokens.verify(await issuer.sign());
    const next = await tokenIssuer('web');
    server.answer(jwksOf([next.publicJwk, issuer.publicJwk]));
    clock.ms += 30_000;
    await Promise.all([tokens.verify(await next.sign()), tokens.verify(await next.sign({ sub: 'bob' }))]);
    expect(server.requests()).toBe(2);
  });

  test('that are withdrawn take their tokens with them, also those that were verified before', async () => {
    const { tokens, clock } = verifierOf();
    const token = await lasting(issuer);
    await tokens.verify(token);
    server.answer(jwksOf([(await tokenIssuer('web')).publicJwk]));
    clock.ms += 10 * MINUTE_MS;
    await eventually(() => expect(tokens.verify(token)).rejects.toEqual(refused('token-invalid')));
  });
});

describe('an issuer', () => {
  test('that is away, slow or broken holds up no token of the keys that are known', async () => {
    const { tokens, clock, fetched } = verifierOf();
    await tokens.verify(await issuer.sign());
    let closed = 0;
    /** How many fetches had ended when a token was verified. */
    const during = new Map<string, number>();
    for (const trouble of ['slow', 'status', 'text', 'gone'] as const) {
      const before = fetched.length;
      server.answer((response) => {
        // Never ends: the caller gives up.
        if (trouble === 'slow') response.write('{"keys":[');
        else if (trouble === 'status') response.writeHead(500).end('{"keys":[]}');
        else if (trouble === 'text') response.end('<html>');
        else response.destroy();
        response.once('close', () => (closed += 1));
      });
      clock.ms += 10 * MINUTE_MS;
      // As the clock of the test runs ahead, this token has been issued in its future.
      const iat = Math.floor(clock.ms / 1000);
      await tokens.verify(await issuer.sign({ iat, exp: iat + 60, sub: trouble }));
      during.set(trouble, fetched.length - before);
      await eventually(() => expect(fetched.slice(before)).toEqual(['failed']));
    }
    // The answer that is waited for had not come, and was not given up yet.
    expect(during.get('slow')).toBe(0);
    expect(closed).toBeGreaterThan(0);
    expect(fetched).toEqual(['fetched', 'failed', 'failed', 'failed', 'failed']);
  });

  test('that redirects is not followed', async () => {
    const elsewhere = await startJwksServer([issuer.publicJwk]);
    server.answer((response) => response.writeHead(302, { location: elsewhere.url }).end());
    const { tokens, fetched, log } = verifierOf();
    await expect(tokens.verify(await issuer.sign())).rejects.toEqual(refused('api-busy'));
    expect(fetched).toEqual(['failed']);
    expect(elsewhere.requests()).toBe(0);
    expect(log.lines).toMatchObject([{ level: 'warn', jwksUrl: server.url }]);
    await elsewhere.stop();
  });

  test('whose answer is larger than 256 KiB is read no further', async () => {
    server.answer((response) => {
      response.end(JSON.stringify({ keys: [issuer.publicJwk], filler: 'x'.repeat(300 * 1024) }));
    });
    const { tokens, log } = verifierOf();
    await expect(tokens.verify(await issuer.sign())).rejects.toEqual(refused('api-busy'));
    expect(log.lines).toMatchObject([{ reason: 'it is longer than 262144 bytes' }]);
  });

  test('that was away at first is asked again 5 s later, and not before', async () => {
    const { tokens, clock } = verifierOf();
    server.answer((response) => response.destroy());
    const token = await issuer.sign();
    for (let call = 0; call < 3; call += 1) await expect(tokens.verify(token)).rejects.toEqual(refused('api-busy'));
    expect(server.requests()).toBe(1);
    server.answer(jwksOf([issuer.publicJwk]));
    clock.ms += 5_000;
    await tokens.verify(token);
    expect(server.requests()).toBe(2);
  });

  test('never learns of claims: no part of a token is in a request', async () => {
    const seen: string[] = [];
    server.answer((response) => {
      seen.push(`${response.req.method} ${response.req.url} ${JSON.stringify(response.req.headers)}`);
      jwksOf([issuer.publicJwk])(response);
    });
    const token = await issuer.sign(
      { iss: 'http://127.0.0.1:1/x', sub: 'hidden-name' },
      { jku: 'http://127.0.0.1:1/' },
    );
    await verifierOf().tokens.verify(token);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^GET \/jwks\.json /);
    expect(seen[0]).not.toContain('hidden-name');
  });
});
