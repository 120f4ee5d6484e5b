import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Block } from './block.ts';
import { type Fault, faultAt } from './plan.ts';

const IMPORT = /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g;
/** A comment that names a page reads nothing. */
const COMMENT = /\/\*[\s\S]*?\*\/|(?<![:'"`\w])\/\/.*/g;

/** A test that a block names has to be there, and it, or a file of its folder that it imports, to name the page. */
export async function untested(blocks: readonly Block[], root: string): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const block of blocks) {
    const test = block.marks.testedBy ?? '';
    if (!existsSync(join(root, test))) faults.push(faultAt(block, `${test} is no file`));
    else if (!(await isNamed(block.page, join(root, test)))) {
      faults.push(faultAt(block, `${test} does not read ${block.page}`));
    }
  }
  return faults;
}

async function isNamed(page: string, test: string): Promise<boolean> {
  const code = await codeOf(test);
  if (hasText(code, page)) return true;
  const folder = dirname(test);
  const beside = [...code.matchAll(IMPORT)]
    .map(([, path = '']) => join(folder, path))
    .filter((file) => !relative(folder, file).startsWith('..') && existsSync(file));
  return (await Promise.all(beside.map(codeOf))).some((each) => hasText(each, page));
}

/** As a text of its own: the name of another page may end with this one. */
function hasText(code: string, text: string): boolean {
  return ["'", '"', '`'].some((quote) => code.includes(quote + text + quote));
}

async function codeOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replaceAll(COMMENT, '');
}
