import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { type Block, blocksOf } from './block.ts';

/** Pages for readers; not those that tools fill in. */
const NO_PAGES = /^(\.changeset|\.github)\/|^CHANGELOG\.md$/;

/** The blocks of the tracked pages, or of some of them. Rejects for a page that is none. */
export async function readBlocks(only: readonly string[] = []): Promise<Block[]> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: repositoryRoot,
  });
  const pages = stdout
    .split('\n')
    .filter((page) => page !== '' && !NO_PAGES.test(page) && existsSync(join(repositoryRoot, page)));
  const strange = only.find((page) => !pages.includes(page));
  if (strange !== undefined) throw new Error(`${strange} is no page of this repository`);
  const wanted = only.length === 0 ? pages : only;
  const blocks = await Promise.all(wanted.map((page) => pageBlocks(page)));
  return blocks.flat();
}

/** The blocks of one page: for tests that run what a page shows. */
export async function pageBlocks(page: string): Promise<Block[]> {
  return blocksOf(page, await readFile(join(repositoryRoot, page), 'utf8'));
}
