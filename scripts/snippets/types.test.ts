import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { blocksOf } from './block.ts';
import { typeFaults } from './types.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-types-'));
  await symlink(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rm(folder, { recursive: true }));

async function check(...lines: string[]): Promise<string[]> {
  const faults = await typeFaults(blocksOf('docs/page.md', lines.join('\n')), folder);
  return faults.map(({ page, line, what }) => `${page}:${line}: ${what}`);
}

it('a type error is named with page and line, in TypeScript, JavaScript and the script of a page', async () => {
  const faults = await check(
    '```ts',
    'const a: number = 1;',
    "const b: number = 'one';",
    '```',
    '```js',
    'console.logg(1);',
    '```',
    '```html',
    '<p>text</p>',
    '<script type="module">',
    "  document.body.append('fine');",
    '  document.bodi.append();',
    '</script>',
    '```',
  );
  expect(faults).toEqual([
    expect.stringMatching(/^docs\/page\.md:3: TS2322: /),
    expect.stringMatching(/^docs\/page\.md:6: TS\d+: /),
    expect.stringMatching(/^docs\/page\.md:12: TS\d+: /),
  ]);
});

it('what a page declares is known to its later blocks, each of which is a module', async () => {
  const faults = await check(
    '<!--',
    '```ts given',
    'declare const user: { id: string };',
    "declare module 'somewhere';",
    '```',
    '-->',
    '```ts',
    "import { anything } from 'somewhere';",
    'const name: string = anything(user.id);',
    'await name;',
    '```',
    '```ts',
    'const name: number = user.id;',
    '```',
  );
  expect(faults).toEqual([expect.stringMatching(/^docs\/page\.md:13: TS2322: /)]);
});
