import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { blocksOf } from './block.ts';
import { untested } from './tested.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-tested-'));
});
afterEach(() => rm(root, { recursive: true }));

/** The faults of a page whose block names `tests/a.test.ts`, beside these files. */
async function check(files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const blocks = blocksOf('docs/page.md', 'Text.\n\n```sh tested-by=tests/a.test.ts\ntrue\n```');
  return (await untested(blocks, root)).map(({ page, line, what }) => `${page}:${line}: ${what}`);
}

const UNREAD = ['docs/page.md:3: tests/a.test.ts does not read docs/page.md'];

it('a test that is not there, or does not name the page, is named with page and line', async () => {
  expect(await check({})).toEqual(['docs/page.md:3: tests/a.test.ts is no file']);
  expect(await check({ 'tests/a.test.ts': `read('README.md');` })).toEqual(UNREAD);
  expect(await check({ 'tests/a.test.ts': `// 'docs/page.md'\n/* 'docs/page.md' */` })).toEqual(UNREAD);
  expect(await check({ 'tests/a.test.ts': `read('sdk/docs/page.md');` })).toEqual(UNREAD);
  expect(await check({ 'tests/a.test.ts': `read('docs/page.md');` })).toEqual([]);
});

it('a file of its folder that the test imports may name the page, and no other file', async () => {
  const helper = `export const page = 'docs/page.md';`;
  const files = { 'tests/b.ts': helper, 'other/b.ts': helper };
  expect(await check({ ...files, 'tests/a.test.ts': '' })).toEqual(UNREAD);
  expect(await check({ ...files, 'tests/a.test.ts': `import { page } from '../other/b.ts';` })).toEqual(UNREAD);
  expect(await check({ ...files, 'tests/a.test.ts': `import { page } from './b.ts';` })).toEqual([]);
});
