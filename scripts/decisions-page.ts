import { readFile, readdir } from 'node:fs/promises';
import { page, table } from './markdown.ts';

const FOLDER = new URL('../docs/decisions/', import.meta.url);
const HEAD = /^# (\d+)\. (.+)\n\n\*\*Status\*\* (.+) · \*\*Date\*\* (\d{4}-\d{2}-\d{2})\n/;

/**
 * The list of decisions, from the head of each page.
 * @throws {Error} when a number is missing or used twice, or a page has no status and date
 */
export async function decisionsPage(): Promise<string> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}-.+\.md$/.test(name)).toSorted();
  const rows = names.map(async (name, index) => {
    const text = await readFile(new URL(name, FOLDER), 'utf8');
    const [, number, title, status, date] = HEAD.exec(text) ?? [];
    if (number === undefined || title === undefined || status === undefined || date === undefined) {
      throw new Error(`docs/decisions/${name} must begin with "# N. Title", then "**Status** … · **Date** yyyy-mm-dd"`);
    }
    if (Number(number) !== index + 1 || !name.startsWith(number.padStart(4, '0'))) {
      throw new Error(`docs/decisions/${name}: the next number is ${index + 1}`);
    }
    return [`[${name.slice(0, 4)}](${name})`, title, status, date];
  });
  return page(
    'Decisions',
    'the head of each page',
    'One short page each: context, decision, consequence. A decision that no longer holds stays, with the status ' +
      '"superseded by" and a link; its number is not used again. A new page takes the next number.',
    table(['page', 'decision', 'status', 'date'], await Promise.all(rows)),
  );
}
