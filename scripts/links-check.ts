import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LINK = /(?<!\\)\]\(([^)\s]+)\)|<img[^>]+src="([^"]+)"|srcset="([^"]+)"/g;

/** Links of the tracked Markdown files that lead to no file, or to no heading of it. Links to other hosts are not checked. */
export async function linkFaults(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: ROOT });
  const pages = stdout.split('\n').filter((page) => page !== '' && existsSync(join(ROOT, page)));
  const texts = new Map(
    await Promise.all(pages.map(async (page) => [page, await readFile(join(ROOT, page), 'utf8')] as const)),
  );
  return [...texts].flatMap(([page, text]) =>
    linksOf(text)
      .filter((link) => !isGood(page, link, texts))
      .map((link) => `${page}: ${link} leads nowhere`),
  );
}

function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(LINK)].flatMap(([, ...targets]) => targets.filter((target) => target));
}

function isGood(page: string, link: string, texts: ReadonlyMap<string, string>): boolean {
  if (/^[a-z]+:/.test(link)) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), decodeURI(path)));
  if (!existsSync(join(ROOT, target))) return false;
  const text = texts.get(target);
  return anchor === undefined || text === undefined || anchorsOf(text).has(anchor);
}

/** As GitHub makes them: lower case, words joined by hyphens, a number behind a heading that comes again. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...withoutBlocks(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set(
    headings.map((slug) => {
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```/gms, '');
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '``');
}
