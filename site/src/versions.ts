import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'versions.json';

/** What `versions.json` beside the versions says; pages read it, so that old ones know of new ones. */
export interface Versions {
  readonly latest: string;
  /** Newest first. */
  readonly versions: readonly string[];
}

/** Lists a version that was built into a folder of its own, and has the root lead to the newest. */
export async function addVersion(out: string, version: string): Promise<Versions> {
  await mkdir(out, { recursive: true });
  const before = existsSync(join(out, FILE))
    ? (JSON.parse(await readFile(join(out, FILE), 'utf8')) as Versions).versions
    : [];
  const there = [...new Set([...before, version])].filter((each) => existsSync(join(out, each, 'index.html')));
  const versions = there.toSorted(newestFirst);
  const listed = { latest: versions[0] ?? version, versions };
  await writeFile(join(out, FILE), `${JSON.stringify(listed, null, 2)}\n`);
  await writeFile(join(out, 'index.html'), leadingTo(listed.latest));
  return listed;
}

/** By Semantic Versioning: numbers by value, and a version without a suffix after those with one. */
export function newestFirst(a: string, b: string): number {
  const [numbersA = '', ...suffixA] = a.split('-');
  const [numbersB = '', ...suffixB] = b.split('-');
  const byNumbers = numbersB.localeCompare(numbersA, 'en', { numeric: true });
  if (byNumbers !== 0 || suffixA.length === 0 || suffixB.length === 0)
    return byNumbers || suffixA.length - suffixB.length;
  return suffixB.join('-').localeCompare(suffixA.join('-'), 'en', { numeric: true });
}

/** Relative, so that it works below any address. Without an icon browsers ask for /favicon.ico, which is not there. */
function leadingTo(version: string): string {
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Holdfast</title>
  <meta http-equiv="refresh" content="0; url=./${version}/">
  <link rel="icon" type="image/svg+xml" href="./${version}/icon.svg">
  <link rel="canonical" href="./${version}/">
  <p><a href="./${version}/">Holdfast ${version}</a></p>
</html>
`;
}
