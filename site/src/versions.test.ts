import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addVersion, newestFirst } from './versions.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'holdfast-versions-'));
});
afterEach(() => rm(out, { recursive: true }));

async function build(version: string) {
  await mkdir(join(out, version));
  await writeFile(join(out, version, 'index.html'), version);
  return addVersion(out, version);
}

it('versions stand beside each other, and the root leads to the newest, whichever was built last', async () => {
  await build('0.2.0');
  await build('0.10.0');
  expect(await build('0.1.0')).toEqual({ latest: '0.10.0', versions: ['0.10.0', '0.2.0', '0.1.0'] });
  const root = await readFile(join(out, 'index.html'), 'utf8');
  expect(root).toContain('url=./0.10.0/"');
  expect(root).toContain('<link rel="icon" type="image/svg+xml" href="./0.10.0/icon.svg">');
});

it('a version whose folder is gone is forgotten', async () => {
  await build('0.1.0');
  await build('0.2.0');
  await rm(join(out, '0.1.0'), { recursive: true });
  expect((await addVersion(out, '0.2.0')).versions).toEqual(['0.2.0']);
});

it('a version with a suffix comes before the one without', () => {
  expect(['1.0.0-rc.1', '0.9.0', '1.0.0', '1.0.0-rc.10'].toSorted(newestFirst)).toEqual([
    '1.0.0',
    '1.0.0-rc.10',
    '1.0.0-rc.1',
    '0.9.0',
  ]);
});
