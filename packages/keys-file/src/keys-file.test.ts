import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKey, listKeys, revokeKey, secondsLocked, sha256 } from './keys-file.ts';

describe('the keys file', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    file = join(directory, 'api-keys.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('holds the hash of a secret of 32 random bytes, and never the secret', async () => {
    const key = await createKey(file, { id: 'mobile', can: { register: true, subscribe: ['news.*'] } });

    expect(Buffer.from(key.secret, 'base64url')).toHaveLength(32);
    expect(key.presented).toBe(`mobile.${key.secret}`);
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain(key.secret);
    expect(apiKeysFile.parse(JSON.parse(text))).toEqual({
      keys: [
        {
          id: 'mobile',
          secretSha256: sha256(key.secret),
          maxClients: null,
          maxTopics: null,
          maxHistoryMessages: null,
          expiresAt: null,
          can: { register: true, subscribe: ['news.*'], publish: [], manage: [], create: [], presence: [] },
        },
      ],
    });
  });

  it('can be read by its owner alone when it is made, and keeps its mode when it is changed', async () => {
    await createKey(file, { id: 'one' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await chmod(file, 0o640);
    await createKey(file, { id: 'two' });
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });

  it('can be read by its owner alone once it has the plain secret of an app, also when others could before', async () => {
    const pusher = { appId: '1', key: 'public', secret: 'plain' };
    expect((await createKey(file, { id: 'one', pusher })).modeChange).toBeNull();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await chmod(file, 0o644);
    expect((await createKey(file, { id: 'no-app' })).modeChange).toBeNull();
    const made = await createKey(file, { id: 'two', pusher: { ...pusher, appId: '2', key: 'other' } });
    expect(made.modeChange).toEqual({ before: 0o644, after: 0o600 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await listKeys(file)).map((key) => key.pusher?.secret)).toEqual(['plain', undefined, 'plain']);
  });

  it.runIf(process.getuid?.() === 0)('lets a group read it that is not the own one of its owner', async () => {
    await createKey(file, { id: 'one' });
    for (const [uid, gid, mode] of [
      [0, 65_534, 0o640],
      [65_534, 65_534, 0o600],
      [65_534, 0, 0o640],
    ] as const) {
      await chown(file, uid, gid);
      await chmod(file, 0o644);
      await createKey(file, {
        id: `key-${uid}-${gid}`,
        pusher: { appId: `${uid}-${gid}`, key: `${uid}-${gid}`, secret: 's' },
      });
      expect(await stat(file)).toMatchObject({ uid, gid });
      expect((await stat(file)).mode & 0o777).toBe(mode);
    }
  });

  it.each([[{ appId: '1', key: 'another', secret: 's' }], [{ appId: '2', key: 'public', secret: 's' }]])(
    'refuses the app %j when another has its id or its public key',
    async (pusher) => {
      await createKey(file, { id: 'one', pusher: { appId: '1', key: 'public', secret: 's' } });
      const refused = createKey(file, { id: 'two', pusher });
      await expect(refused).rejects.toMatchObject({ code: 'key-exists', message: expect.stringContaining('"one"') });
      expect((await listKeys(file)).map(({ id }) => id)).toEqual(['one']);
    },
  );

  it('is not made where it must be there', async () => {
    await expect(createKey(file, { id: 'one' }, { mustExist: true })).rejects.toHaveProperty(
      'code',
      'keys-file-missing',
    );
    expect(await readdir(directory)).toEqual([]);
  });

  it('refuses an id that is in it, and keeps that key', async () => {
    await createKey(file, { id: 'mobile', maxClients: 5 });
    const before = await readFile(file, 'utf8');
    await expect(createKey(file, { id: 'mobile' })).rejects.toMatchObject({
      code: 'key-exists',
      message: expect.stringContaining('"mobile"'),
    });
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it.each([
    [{ id: 'with space' }, 'id'],
    [{ id: 'mobile', maxClients: -1 }, 'maxClients'],
    [{ id: 'mobile', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ id: 'mobile', can: { subscribe: ['a..b'] } }, 'can.subscribe[0]'],
  ])('refuses the key %j and names the field', async (key, field) => {
    await expect(createKey(file, key)).rejects.toMatchObject({
      code: 'keys-file-invalid',
      message: expect.stringContaining(field),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('lists its keys, none when there is no file, and loses one that is revoked', async () => {
    expect(await listKeys(file)).toEqual([]);
    await createKey(file, { id: 'one' });
    await createKey(file, { id: 'two' });
    await revokeKey(file, 'one');
    expect((await listKeys(file)).map((key) => key.id)).toEqual(['two']);
    await expect(revokeKey(file, 'one')).rejects.toMatchObject({ code: 'key-not-found' });
  });

  it.each([['{"keys":'], ['{"keys":{}}'], ['{"keys":[],"more":1}']])(
    'is left as it is when it is broken: %s',
    async (text) => {
      await writeFile(file, text);
      await expect(createKey(file, { id: 'mobile' })).rejects.toMatchObject({
        code: 'keys-file-invalid',
        message: expect.stringContaining(file),
      });
      expect(await readFile(file, 'utf8')).toBe(text);
      expect(await readdir(directory)).toEqual(['api-keys.json']);
    },
  );

  it('loses no key when many are created at once', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `key-${index}`);
    await Promise.all(ids.map((id) => createKey(file, { id })));
    expect((await listKeys(file)).map((key) => key.id).toSorted()).toEqual(ids);
    expect(await readdir(directory)).toEqual(['api-keys.json']);
  });

  it('says which file is in the way when a command was killed in the middle', async () => {
    await writeFile(`${file}.new`, '');
    const twoHoursAgo = new Date(Date.now() - 7_200_000);
    await utimes(`${file}.new`, twoHoursAgo, twoHoursAgo);
    await expect(createKey(file, { id: 'mobile' })).rejects.toMatchObject({
      code: 'keys-file-locked',
      message: expect.stringMatching(/api-keys\.json\.new is in the way for 72\d\d s: remove it/),
    });
    expect(await secondsLocked(file)).toBeGreaterThanOrEqual(7200);
    expect(await secondsLocked(`${file}-other`)).toBeNull();
  });
});
