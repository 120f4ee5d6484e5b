import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';

/** The fenced blocks of a page of the repository that name the test by which they are run, by language. */
export async function testedBlocks(page: string, language: string, test: string): Promise<string[]> {
  const text = await readFile(join(repositoryRoot, page), 'utf8');
  const fence = new RegExp(`^\`\`\`${language} tested-by=${RegExp.escape(test)}\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block = '']) => block);
}
