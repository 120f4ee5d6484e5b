import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { type JWTPayload, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../run.ts';
import { recordingTerminal } from '../testing/recording-terminal.ts';

let directory: string;
let keysFile: string;
let keyFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  keysFile = join(directory, 'keys.json');
  keyFile = join(directory, 'web.jwk.json');
});
afterEach(() => rm(directory, { recursive: true }));

async function holdfast(...args: string[]) {
  const terminal = recordingTerminal({ installation: async () => null });
  const exitCode = await run(args, terminal);
  return { exitCode, out: terminal.outLines.join('\n'), err: terminal.errLines.join('\n') };
}

const create = (...args: string[]) =>
  holdfast('key', 'create', '--id', 'web', '--file', keysFile, '--subscribe', 'user.{user}.**', ...args);
const mint = (...args: string[]) => holdfast('token', '--key-file', keyFile, '--sub', 'ann', ...args);

async function storedKey() {
  const text = await readFile(keysFile, 'utf8');
  return { text, key: apiKeysFile.parse(JSON.parse(text)).keys[0] };
}

/** The claims of a token, once it is verified by what the keys file holds. */
async function verified(token: string): Promise<JWTPayload> {
  const { key } = await storedKey();
  const { tokens } = key ?? {};
  if (tokens === undefined) throw new Error('no tokens');
  const verifying = 'secret' in tokens ? new TextEncoder().encode(tokens.secret) : tokens.publicJwk;
  const imported = verifying instanceof Uint8Array ? verifying : await importJWK({ ...verifying }, tokens.alg);
  const { payload } = await jwtVerify(token, imported, { algorithms: [tokens.alg], audience: tokens.audience });
  return payload;
}

describe('a key with --tokens', () => {
  it.each(['ES256', 'RS256', 'EdDSA', 'HS256'])('of %s verifies the tokens that its private key signs', async (alg) => {
    const created = await create('--tokens', alg, '--key-file', keyFile);
    expect(created).toMatchObject({ exitCode: 0, err: '' });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    const token = await mint('--topics', 'news.sport', '--ttl', '1h');
    expect(token).toMatchObject({ exitCode: 0, err: '' });
    expect(decodeProtectedHeader(token.out)).toEqual({ alg, kid: 'web', typ: 'JWT' });
    const payload = await verified(token.out);
    expect(payload).toMatchObject({ sub: 'ann', aud: 'holdfast', hf: { topics: ['news.sport'] } });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(3600);
  });

  it('is of ES256 unless it says so; its private key is shown once, and is not in the keys file', async () => {
    const { out } = await create('--tokens', '--create', 'room.*', '--presence', 'room.*,@users');
    const jwk = JSON.parse(/^ {2}(\{.*\})$/m.exec(out)?.[1] ?? '{}') as Record<string, string>;
    expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', kid: 'web', d: expect.any(String) as string });
    const { text, key } = await storedKey();
    expect(key).toMatchObject({
      tokens: { alg: 'ES256' },
      can: { create: ['room.*'], presence: ['room.*', '@users'] },
    });
    expect(text).not.toContain(jwk['d']);
    expect((await holdfast('key', 'list', '--file', keysFile)).out).toContain('tokens ES256');
  });

  it('needs no other right', async () => {
    const args = ['key', 'create', '--id', 'bare', '--file', keysFile];
    expect(await holdfast(...args)).toMatchObject({ exitCode: 2, err: expect.stringContaining('--tokens') as string });
    expect(await holdfast(...args, '--tokens')).toMatchObject({ exitCode: 0 });
  });

  it('overwrites no file, and leaves none behind when the key cannot be made', async () => {
    await create('--tokens', '--key-file', keyFile);
    const before = await readFile(keyFile, 'utf8');
    expect((await create('--tokens', '--key-file', keyFile)).err).toContain('is there already');
    expect(await readFile(keyFile, 'utf8')).toBe(before);
    const other = join(directory, 'other.json');
    expect((await create('--tokens', '--key-file', other)).exitCode).not.toBe(0);
    await expect(stat(other)).rejects.toThrow('ENOENT');
  });

  it('takes no other algorithm, and --key-file for tokens only', async () => {
    expect((await create('--tokens', 'none')).err).toContain('Allowed choices are ES256, RS256, EdDSA, HS256');
    expect((await create('--key-file', keyFile)).err).toContain('--key-file is for the private key of --tokens');
  });
});

describe('token', () => {
  beforeEach(async () => void (await create('--tokens', '--key-file', keyFile)));

  it('has every claim that was asked for, and no other', async () => {
    const may = ['--may-subscribe', 'room.*', '--may-publish', 'typing.*,@users', '--may-presence', 'room.*'];
    const others = ['--client', 'phone', '--info', '{"name":"Ann"}', '--ttl', '90s', '--issuer', 'https://me'];
    const { out } = await mint(...may, ...others);
    const { iat, exp, ...claims } = await verified(out);
    expect(Number(exp) - Number(iat)).toBe(90);
    expect(claims).toEqual({
      sub: 'ann',
      aud: 'holdfast',
      iss: 'https://me',
      hf: {
        client: 'phone',
        may: { subscribe: ['room.*'], publish: ['typing.*', '@users'], presence: ['room.*'] },
        info: { name: 'Ann' },
      },
    });
    expect(Object.keys(await verified((await mint()).out)).toSorted()).toEqual(['aud', 'exp', 'iat', 'sub']);
  });

  it('names another API key with --key, which may be whole', async () => {
    for (const key of ['other', 'other.secret.x']) {
      expect(decodeProtectedHeader((await mint('--key', key)).out).kid).toBe('other');
    }
  });

  it('answers with --json when it ends', async () => {
    const { out } = await mint('--json', '--ttl', '2h');
    const answer = JSON.parse(out) as { token: string; expiresAt: string };
    expect(answer).toMatchObject({ key: 'web', user: 'ann' });
    expect(Date.parse(answer.expiresAt) / 1000).toBe((await verified(answer.token)).exp);
  });

  it.each([
    [['--ttl', '1'], 'A time such as 30s, 15m, 1h or 7d is needed.'],
    [['--topics', 'a b'], '--topics: "a b" must be segments'],
    [['--topics', '@user'], '--topics: "@user" must be segments'],
    [['--may-publish', 'a..b'], '--may-publish: "a..b" '],
    [['--info', '{'], "option '--info <json>' argument '{' is invalid. JSON is needed"],
    [['--info', `"${'x'.repeat(2048)}"`], 'must be JSON of at most 1024 bytes'],
    [['--client', 'x'.repeat(101)], '--client'],
  ])('refuses %j', async (args, why) => {
    const { exitCode, err, out } = await mint(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(why);
  });

  it('says what is wrong with a file', async () => {
    expect((await holdfast('token', '--key-file', join(directory, 'no'), '--sub', 'a')).err).toContain(
      'there is no such file',
    );
    expect((await holdfast('token', '--key-file', keysFile, '--sub', 'a')).err).toContain('its "alg" must be one of');
  });
});
