import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Result } from '../result.ts';
import { pictureOf } from './picture.ts';
import { resultText } from './table.ts';

const RESULTS = resolve(import.meta.dirname, '../../results');

/** Keeps a result for people, for programs and as a picture; gives the names of the files. */
export function keepResult(name: string, result: Result): Promise<string[]> {
  return keepFiles(name, {
    json: `${JSON.stringify(result, null, 2)}\n`,
    txt: resultText(result),
    svg: pictureOf(result),
  });
}

/** Keeps texts under one name, by their endings. */
export async function keepFiles(name: string, texts: Readonly<Record<string, string>>): Promise<string[]> {
  await mkdir(RESULTS, { recursive: true });
  const files: string[] = [];
  for (const [ending, text] of Object.entries(texts)) {
    const file = join(RESULTS, `${name}.${ending}`);
    await writeFile(file, text);
    files.push(relative(process.cwd(), file));
  }
  return files;
}
