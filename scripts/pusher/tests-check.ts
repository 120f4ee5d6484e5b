import { readFile, readdir } from 'node:fs/promises';
import { closeCodes, errorCodes } from './codes.ts';
import { featureGroups } from './features.ts';

const FOLDER = new URL('../../tests/pusher/', import.meta.url);
const SUFFIX = '.test.ts';
/** Of a test, or of several with a table of cases before their title. */
const TEST = /^ *it(?:\(|\.each\b)/;
const TITLE = /(?:\bit\(|\]\)\()\s*'((?:[^'\\]|\\.)*)'/;
const OTHER = /^ *(?:describe\b|it\b)/;

/** Tests that docs/reference/pusher.md names and that are not there, and tests that it does not name. */
export async function pusherTestFaults(): Promise<string[]> {
  const named = new Set(
    [...featureGroups.flatMap(({ features }) => features), ...closeCodes, ...errorCodes].flatMap(({ tests }) =>
      Object.entries(tests).flatMap(([file, titles]) => titles.map((title) => `${file}: ${title}`)),
    ),
  );
  const there = new Set<string>();
  for (const file of (await readdir(FOLDER)).filter((name) => name.endsWith(SUFFIX))) {
    for (const title of titlesIn(await readFile(new URL(file, FOLDER), 'utf8'))) there.add(`${file}: ${title}`);
  }
  return [
    ...[...named.difference(there)].map((test) => `docs/reference/pusher.md names a test that is not there: ${test}`),
    ...[...there.difference(named)].map((test) => `docs/reference/pusher.md does not name the test ${test}`),
  ];
}

/** The titles of the tests of a file, in their order. */
export function titlesIn(source: string): string[] {
  const lines = source.split('\n');
  return lines.flatMap((line, from) => {
    if (!TEST.test(line)) return [];
    const length = lines.slice(from + 1).findIndex((next) => OTHER.test(next));
    const text = lines.slice(from, length < 0 ? undefined : from + 1 + length).join('\n');
    return TITLE.exec(text)?.[1] ?? `(a test without a plain title in line ${from + 1})`;
  });
}
