import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Result } from '../result.ts';
import { pictureOf } from './picture.ts';
import { resultText } from './table.ts';

const RESULTS = resolve(import.meta.dirname, '../../results');

/** Keeps a result for people, for programs and as a picture; gives the names of the files. */
export async function keepResult(name: string, result: Result): Promise<string[]> {
  await mkdir(RESULTS, { recursive: true });
  const files = [
    [`${name}.json`, `${JSON.stringify(result, null, 2)}\n`],
    [`${name}.txt`, resultText(result)],
    [`${name}.svg`, pictureOf(result)],
  ] as const;
  for (const [file, text] of files) await writeFile(join(RESULTS, file), text);
  return files.map(([file]) => relative(process.cwd(), join(RESULTS, file)));
}
