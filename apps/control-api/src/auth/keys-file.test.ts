import { chmod, chown, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureLog } from '@holdfast/service/captured-log';
import { ConfigError } from '@holdfast/service/config';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { faultOfKeys, openKeys } from './keys-file.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'api-keys-'));
  file = join(directory, 'keys.json');
});
afterEach(() => rm(directory, { recursive: true }));

const keys = (...ids: string[]) => JSON.stringify({ keys: ids.map((id) => ({ id, secretSha256: '0'.repeat(64) })) });
const STAYED = 'API keys file is invalid: the old keys stay';

/** In one step: a reader finds the old content or this, and no part. */
async function replace(text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function opened(text: string) {
  await writeFile(file, text);
  const log = captureLog();
  const source = await openKeys(file, { production: false, logger: log.logger });
  return { source, log };
}

async function watched(text: string) {
  const { source, log } = await opened(text);
  onTestFinished(source.watch());
  return { source, log };
}

const open = async (text: string, production = false) => {
  await writeFile(file, text);
  return openKeys(file, { production, logger: captureLog().logger });
};

describe('at the start', () => {
  test('a file that is not there, not JSON or broken is refused, naming every field', async () => {
    const logger = captureLog().logger;
    await expect(openKeys(join(directory, 'no'), { production: false, logger })).rejects.toThrow(ConfigError);
    await expect(open('{"keys":')).rejects.toThrow(/not JSON/);
    await expect(open('{"keys":[{"id":"a b","secretSha256":"0","can":{"publish":["a b"]}}]}')).rejects.toThrow(
      /keys\[0\]\.id: .*keys\[0\]\.secretSha256: .*keys\[0\]\.can\.publish\[0\]: /,
    );
    await expect(open(keys('twice', 'twice'))).rejects.toThrow(/keys\[1\]\.id: is there twice/);
    await expect(open(keys(), true)).rejects.toThrow(/at least one key/);
  });

  test('without a file, or without keys in it, it warns that keyed calls answer 403', async () => {
    const none = captureLog();
    expect((await openKeys(undefined, { production: false, logger: none.logger })).ring.size).toBe(0);
    expect(none.lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('403') as string }]);
    const { log, source } = await opened(keys());
    expect(source.ring.size).toBe(0);
    expect(log.lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('403') as string }]);
  });
});

describe('while it runs', () => {
  test('a change in place and a file that replaces it are seen', async () => {
    const { source } = await watched(keys('a'));
    await writeFile(file, keys('a', 'b'));
    await eventually(() => expect(source.ring.ids()).toEqual(['a', 'b']));
    await replace(keys('c'));
    await eventually(() => expect(source.ring.ids()).toEqual(['c']));
  });

  test('a link that is turned to another directory is seen, as Kubernetes does it', async () => {
    await mkdir(join(directory, '1'));
    await mkdir(join(directory, '2'));
    await writeFile(join(directory, '1', 'keys.json'), keys('a'));
    await writeFile(join(directory, '2', 'keys.json'), keys('b'));
    await symlink('1', join(directory, 'data'));
    const linked = join(directory, 'linked.json');
    await symlink('data/keys.json', linked);
    const source = await openKeys(linked, { production: true, logger: captureLog().logger });
    onTestFinished(source.watch());
    await symlink('2', join(directory, 'next'));
    await rename(join(directory, 'next'), join(directory, 'data'));
    await eventually(() => expect(source.ring.ids()).toEqual(['b']));
  });

  test('a broken file keeps the old keys and says why, once; a good one is taken again', async () => {
    const { source, log } = await watched(keys('a'));
    await replace('{"keys":[{"id":"a b"}]}');
    await eventually(() => expect(log.linesWith(STAYED)).toHaveLength(1));
    expect(log.linesWith(STAYED)).toMatchObject([
      { level: 'error', reason: expect.stringContaining('keys[0].id: must be 1 to 64') as string },
    ]);
    expect(source.ring.ids()).toEqual(['a']);
    await rm(file);
    await eventually(() => expect(log.linesWith(STAYED)).toHaveLength(2));
    expect(source.ring.ids()).toEqual(['a']);
    await writeFile(file, keys('b'));
    await eventually(() => expect(source.ring.ids()).toEqual(['b']));
  });

  test('a file whose last key was revoked takes effect, with a warning', async () => {
    const { source, log } = await watched(keys('a'));
    await writeFile(file, keys());
    await eventually(() => expect(source.ring.size).toBe(0));
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 'warn' }));
  });

  test('reload reads it at once, without any watch, and never rejects', async () => {
    const { source, log } = await opened(keys('a'));
    await writeFile(file, keys('b'));
    await source.reload();
    expect(source.ring.ids()).toEqual(['b']);
    await writeFile(file, 'no keys');
    await source.reload();
    expect(log.linesWith(STAYED)).toHaveLength(1);
    expect(source.ring.ids()).toEqual(['b']);
  });

  test('a hash never reaches the log', async () => {
    const { source, log } = await opened(keys('a'));
    await writeFile(file, `{"keys":[{"id":"a","secretSha256":"${'7'.repeat(63)}x" oops`);
    await source.reload();
    expect(JSON.stringify(log.lines)).not.toContain('7777');
  });
});

async function openedWith(mode: number, text: string, production: boolean) {
  await writeFile(file, text);
  await chmod(file, mode);
  const log = captureLog();
  const source = await openKeys(file, { production, logger: log.logger });
  return { source, log };
}

describe('a file with a plain secret', () => {
  const withApp = JSON.stringify({
    keys: [
      { id: 'web', secretSha256: '0'.repeat(64), pusher: { appId: 'shop', key: 'public', secret: 'not-to-be-read' } },
    ],
  });
  const WARNED = 'the keys file should be readable by its owner alone';

  test.each([0o644, 0o604])('is refused in production when others can read it: mode %o', async (mode) => {
    const refused = openedWith(mode, withApp, true);
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/everybody on this machine can read it: chmod 600/);
    expect(await faultOfKeys(file, { production: true })).toMatchObject({ variable: 'API_KEYS_FILE' });
    expect(await faultOfKeys(file, { production: false })).toBeNull();
  });

  test('is taken in development, with a warning that does not hold the secret', async () => {
    const { source, log } = await openedWith(0o644, withApp, false);
    expect(source.ring.ofApp('shop')?.id).toBe('web');
    expect(log.linesWith(WARNED)).toMatchObject([{ level: 'warn', keys: ['web'] }]);
    expect(JSON.stringify(log.lines)).not.toContain('not-to-be-read');
  });

  test('is taken when only its owner can read it, and with a warning when the own group can too', async () => {
    expect((await openedWith(0o600, withApp, true)).log.linesWith(WARNED)).toEqual([]);
    expect((await openedWith(0o640, withApp, true)).log.linesWith(WARNED)).toMatchObject([{ level: 'warn' }]);
  });

  test.runIf(process.getuid?.() === 0)(
    'is taken when it belongs to another user, and the group is how it is read',
    async () => {
      await writeFile(file, withApp);
      await chown(file, 65_534, 0);
      expect((await openedWith(0o640, withApp, true)).log.linesWith(WARNED)).toEqual([]);
    },
  );

  test('may be read by anybody while it has none', async () => {
    expect((await openedWith(0o644, keys('a'), true)).log.linesWith(WARNED)).toEqual([]);
  });

  test('of tokens is taken when others can read it, and says so', async () => {
    const tokens = { alg: 'HS256', secret: 'not-to-be-read-at-all-by-others' };
    const withTokens = JSON.stringify({ keys: [{ id: 'web', secretSha256: '0'.repeat(64), tokens }] });
    for (const [production, level] of [
      [true, 'error'],
      [false, 'warn'],
    ] as const) {
      const { source, log } = await openedWith(0o644, withTokens, production);
      expect(source.ring.ids()).toEqual(['web']);
      expect(log.linesWith(WARNED)).toMatchObject([{ level, keys: ['web'] }]);
      expect(JSON.stringify(log.lines)).not.toContain(tokens.secret);
    }
    expect((await openedWith(0o600, withTokens, true)).log.linesWith(WARNED)).toEqual([]);
    expect(await faultOfKeys(file, { production: true })).toBeNull();
  });

  test('takes effect when it is changed, whoever can read it: what was revoked must not stay', async () => {
    const { source, log } = await openedWith(0o644, keys('a'), true);
    await writeFile(file, withApp);
    await source.reload();
    expect(source.ring.ids()).toEqual(['web']);
    expect(log.linesWith(WARNED)).toMatchObject([{ level: 'error' }]);
  });
});
