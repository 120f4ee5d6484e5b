import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';

/** The code blocks of a language in the README of a package, in order. */
export async function readmeBlocks(folder: string, language: string): Promise<string[]> {
  const readme = await readFile(join(repositoryRoot, 'packages', folder, 'README.md'), 'utf8');
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code ?? '');
}
