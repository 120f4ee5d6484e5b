import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { type Page, addressOf } from './pages.ts';

/** A part of the sidebar. */
interface Group {
  readonly text: string;
  /** All pages of this folder of the site. */
  readonly folder?: string;
  /** Pages beside the folders, by their names. One that is not there is left out. */
  readonly pages?: readonly string[];
  /** Closed until a page of it is shown. */
  readonly collapsed?: boolean;
  /** Links to files of the site that are no pages. */
  readonly files?: readonly { readonly text: string; readonly name: string }[];
}

/** After Diátaxis: what teaches, what helps with a task, what explains, what is looked up. */
const GROUPS: readonly Group[] = [
  { text: 'Start', pages: ['index', 'readme', 'faq', 'comparison', 'glossary'] },
  { text: 'Tutorials', folder: 'tutorials' },
  { text: 'How-to', folder: 'how-to', pages: ['troubleshooting', 'debugging', 'upgrading', 'operations', 'console'] },
  {
    text: 'Explanation',
    pages: [
      'architecture',
      'identity',
      'presence',
      'webhooks',
      'reliability',
      'scaling',
      'performance',
      'security',
      'observability',
    ],
  },
  {
    text: 'Reference',
    folder: 'reference',
    pages: ['protocol', 'redis-keys'],
    files: [{ text: 'REST calls (OpenAPI)', name: 'openapi.json' }],
  },
  { text: 'SDKs', folder: 'sdks' },
  { text: 'Examples', folder: 'examples' },
  { text: 'Project', pages: ['contributing', 'releasing', 'reporting', 'changelog'], collapsed: true },
  { text: 'Decisions', folder: 'decisions', collapsed: true },
];

/** A longer heading is cut at its colon, if it has one. */
const LONGEST_LABEL = 26;
/** Where a heading does not say what a reader looks for beside others. */
const LABELS: Readonly<Record<string, string>> = {
  'index.md': 'Start here',
  'readme.md': 'The first ten minutes',
  'decisions/index.md': 'All decisions',
  'reporting.md': 'Reporting a vulnerability',
};
/** The page whose links say in which order the pages of a group stand. */
const START = 'docs/index.md';

export interface SidebarGroup {
  text: string;
  collapsed?: boolean;
  items: { text: string; link: string; target?: string }[];
}

/** The sidebar, of all pages. Throws for a page that is in no group, or in two. */
export function sidebarOf(
  pages: readonly Page[],
  base: string,
  order: readonly string[] = orderOfStart(),
): SidebarGroup[] {
  const rest = new Set(pages);
  const groups = GROUPS.map(({ text, folder, pages: names = [], collapsed, files = [] }) => {
    const named = names.flatMap((name) => pages.filter(({ route }) => route === `${name}.md`));
    const inFolder = pages.filter(({ route }) => folder !== undefined && posix.dirname(route) === folder);
    const items = [...inOrder(inFolder, order), ...named];
    for (const page of items) {
      if (!rest.delete(page)) throw new Error(`${page.source} is in two groups of the sidebar`);
    }
    const links = items.map((page) => ({ text: labelOf(page), link: addressOf(page.route) }));
    // Loaded as it is, not as a page of the site. To such a link of a sidebar VitePress adds no base.
    const asFiles = files.map((file) => ({ text: file.text, link: `${base}${file.name}`, target: '_self' }));
    return { text, ...(collapsed && { collapsed }), items: items.length === 0 ? [] : [...links, ...asFiles] };
  });
  const [lonely] = rest;
  if (lonely !== undefined) {
    throw new Error(
      `${lonely.source} is in no group of the sidebar: move it into a folder of one, or name it in site/src/groups.ts`,
    );
  }
  return groups.filter(({ items }) => items.length > 0);
}

/** First an index, then those that the start page links, as it links them, then by name. */
function inOrder(pages: readonly Page[], order: readonly string[]): Page[] {
  const rank = ({ source, route }: Page): number => {
    if (route.endsWith('/index.md')) return -1;
    const at = order.indexOf(source);
    return at < 0 ? order.length : at;
  };
  return pages.toSorted((a, b) => rank(a) - rank(b) || a.route.localeCompare(b.route));
}

function orderOfStart(): string[] {
  const text = readFileSync(join(repositoryRoot, START), 'utf8');
  const links = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => posix.join('docs', link));
  return [...new Set(links)];
}

function labelOf({ route, heading }: Page): string {
  const known = LABELS[route];
  if (known !== undefined) return known;
  return heading.length > LONGEST_LABEL ? heading.replace(/: .*$/, '') : heading;
}
