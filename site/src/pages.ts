import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';

/** A page of the site. Names of files are from the root of the repository. */
export interface Page {
  readonly source: string;
  /** The Markdown file that it would be if the site were one folder: `how-to/deploy.md`. */
  readonly route: string;
  /** The first heading. */
  readonly heading: string;
}

/** Where pages lie in the repository, and where in the site. */
const PLACES: readonly [source: RegExp, route: string][] = [
  [/^docs\/(.*\/)?README\.md$/, '$1index.md'],
  [/^docs\/(.+)$/, '$1'],
  [/^(?:packages|sdk)\/([\w-]+)\/README\.md$/, 'sdks/$1.md'],
  [/^examples\/README\.md$/, 'examples/index.md'],
  [/^examples\/([\w-]+)\/README\.md$/, 'examples/$1.md'],
  [/^README\.md$/, 'readme.md'],
  [/^SECURITY\.md$/, 'reporting.md'],
  [/^(CONTRIBUTING|CHANGELOG)\.md$/, '$1.md'],
];
/** Packages that are not for users of Holdfast have no page. */
const NO_PAGES = /^docs\/images\//;

/** The tracked Markdown files: those that are pages, and the others. */
export function readPages(): { pages: Page[]; others: string[] } {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  const files = listed.split('\n').filter((file) => file !== '' && existsSync(join(repositoryRoot, file)));
  const pages = files.flatMap((source) => {
    const route = routeOf(source);
    return route === null ? [] : [{ source, route, heading: headingOf(source) }];
  });
  const known = new Set(pages.map(({ source }) => source));
  return { pages, others: files.filter((file) => !known.has(file)) };
}

/** The page of the site that a file is; null for one that is none. */
export function routeOf(source: string): string | null {
  if (NO_PAGES.test(source)) return null;
  const [pattern, route] = PLACES.find(([each]) => each.test(source)) ?? [];
  if (pattern === undefined || route === undefined || !source.endsWith('.md')) return null;
  return source.replace(pattern, route).replace(/^[A-Z]+\.md$/, (name) => name.toLowerCase());
}

/** The address of a page below the base of the site, as links have it. */
export function addressOf(route: string): string {
  return `/${route.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')}`;
}

function headingOf(source: string): string {
  const [, heading] = /^# (.+)$/m.exec(readFileSync(join(repositoryRoot, source), 'utf8')) ?? [];
  if (heading === undefined) throw new Error(`${source} has no first heading`);
  return heading.replaceAll('`', '').trim();
}
