import { existsSync, readdirSync, statSync } from 'node:fs';
import { posix, relative, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import type { MarkdownRenderer } from 'vitepress';
import { addressOf, routeOf } from './pages.ts';

/** A picture in HTML by a bare path, which Vite takes for a package. */
const BARE_SOURCE = /\b(src|srcset)="(?=\w[^:"]*")/g;

/** Files that the site has as they are, by their names in the repository; each below the base of the site. */
export const PUBLISHED: Readonly<Record<string, string>> = { 'docs/reference/openapi.json': 'openapi.json' };

/** Where a relative link of a page leads in the site. */
export type Target =
  | { readonly kind: 'page' | 'file' | 'source'; readonly address: string }
  /** A file of the repository, of which no address is known. */
  | { readonly kind: 'text'; readonly path: string }
  /** Left to VitePress, which reports it as dead. */
  | { readonly kind: 'dead' };

/** Finds it, for a link to a file or a folder. `sourceUrl`: where the repository can be read, without a slash at the end. */
export function targetOf(page: string, link: string, sourceUrl: string | undefined): Target {
  const [path = '', anchor] = link.split('#');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  const file =
    path === '' ? page : posix.normalize(posix.join(posix.dirname(page), decodeURI(path))).replace(/\/$/, '');
  if (!existsSync(join(repositoryRoot, file))) return { kind: 'dead' };
  const published = PUBLISHED[file];
  if (published !== undefined) return { kind: 'file', address: published };
  const route = routeOf(file) ?? (isFolder(file) ? routeInside(file) : null);
  if (route !== null) return { kind: 'page', address: addressOf(route) + hash };
  return sourceUrl === undefined ? { kind: 'text', path: file } : { kind: 'source', address: `${sourceUrl}/${file}` };
}

/** Makes the relative links of pages, which a Git host follows, links of the site. What is no page becomes text. */
export function linksPlugin(md: MarkdownRenderer, sourceUrl: string | undefined): void {
  md.core.ruler.push('holdfast_links', (state) => {
    const { realPath, path } = state.env as { realPath?: string; path?: string };
    const page = relative(repositoryRoot, realPath ?? path ?? '');
    for (const block of state.tokens) {
      if (block.type === 'html_block') block.content = block.content.replaceAll(BARE_SOURCE, '$1="./');
      const closing: string[] = [];
      for (const token of block.children ?? []) {
        if (token.type === 'link_open') closing.push(relink(token, page, sourceUrl));
        if (token.type === 'link_close') token.tag = closing.pop() ?? token.tag;
      }
    }
  });
  const open = md.renderer.rules.link_open;
  md.renderer.rules.link_open = (tokens, index, options, env, self) =>
    tokens[index]?.tag === 'a' && open !== undefined
      ? open(tokens, index, options, env, self)
      : self.renderToken(tokens, index, options);
}

type Token = ReturnType<MarkdownRenderer['parse']>[number];

/** Gives the tag that the link is closed with. */
function relink(token: Token, page: string, sourceUrl: string | undefined): string {
  const href = token.attrGet('href');
  if (href === null || /^([a-z]+:|\/\/|#)/i.test(href)) return token.tag;
  const target = targetOf(page, href, sourceUrl);
  switch (target.kind) {
    case 'dead':
      break;
    case 'text':
      token.tag = 'span';
      token.attrs = [
        ['class', 'source'],
        ['title', `In the repository: ${target.path}`],
      ];
      break;
    case 'file':
      token.attrSet('href', `/${target.address}`);
      // Loaded as it is, not as a page of the site.
      token.attrSet('target', '_self');
      break;
    case 'page':
    case 'source':
      token.attrSet('href', target.address);
  }
  return token.tag;
}

function isFolder(file: string): boolean {
  return statSync(join(repositoryRoot, file)).isDirectory();
}

/** The page of a folder: its README, or else its first page. */
function routeInside(folder: string): string | null {
  const names = readdirSync(join(repositoryRoot, folder)).toSorted();
  const name = names.find((each) => each === 'README.md') ?? names.find((each) => each.endsWith('.md'));
  return name === undefined ? null : routeOf(`${folder}/${name}`);
}

/** As Git hosts make anchors: lower case, words joined by hyphens. */
export function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
