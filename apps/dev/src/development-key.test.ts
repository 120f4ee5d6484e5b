import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, listKeys, sha256 } from '@holdfast/keys-file/keys-file';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { developmentKey } from './development-key.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('is the same from one start to the next, with every right, and only its owner can read it', async () => {
  const first = await developmentKey(directory);
  expect(await developmentKey(directory)).toEqual(first);
  const [key] = await listKeys(first.keysFile);
  expect(key).toMatchObject({
    id: 'dev',
    secretSha256: sha256(first.key.replace('dev.', '')),
    can: { register: true, subscribe: ['**'], publish: ['**'], manage: ['**'], presence: ['**', '@users'], create: [] },
  });
  expect(await readFile(first.keysFile, 'utf8')).not.toContain(first.key.replace('dev.', ''));
  expect((await stat(join(directory, 'dev-key'))).mode & 0o777).toBe(0o600);
});

it('leaves other keys of the file alone, and is made anew when one of its two files is gone', async () => {
  const first = await developmentKey(directory);
  await createKey(first.keysFile, { id: 'mobile' });
  await rm(join(directory, 'dev-key'));
  const second = await developmentKey(directory);
  expect(second.key).not.toBe(first.key);
  expect((await listKeys(first.keysFile)).map(({ id }) => id)).toEqual(['mobile', 'dev']);

  await rm(first.keysFile);
  const third = await developmentKey(directory);
  expect(third.key).not.toBe(second.key);
  expect(await developmentKey(directory)).toEqual(third);
});
