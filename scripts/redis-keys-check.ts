import { readFile } from 'node:fs/promises';
import { redisKeys } from '../packages/broker/src/keys.ts';

const PAGE = new URL('../docs/redis-keys.md', import.meta.url);

/** Differences between the first column of docs/redis-keys.md and the keys that the code can spell. */
export async function redisKeyFaults(): Promise<string[]> {
  const documented = new Set(keysOf(await readFile(PAGE, 'utf8')));
  const spelled = new Set(Object.values(redisKeys('')).map((spell) => shapeOf(spell('a', '<b>'))));
  return [
    ...[...spelled.difference(documented)].map((key) => `docs/redis-keys.md has no row for ${key}`),
    ...[...documented.difference(spelled)].map((key) => `docs/redis-keys.md has ${key}, which no code spells`),
  ];
}

/** The code spans in the first cell of each row, below the heading row. */
function keysOf(text: string): string[] {
  const cells = text.split('\n').flatMap((line) => /^\| (`.+?) +\|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, key = '']) => shapeOf(key)));
}

/** `client:{uuid}:once:<key>` and `client:{a}:once:<b>` have one shape. */
function shapeOf(key: string): string {
  return key.replaceAll(/\{[^}]*\}/g, '{}').replaceAll(/<[^>]*>/g, '<>');
}
