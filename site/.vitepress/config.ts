import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { diagramsPlugin } from '../src/diagrams.ts';
import { sidebarOf } from '../src/groups.ts';
import { linksPlugin, slugify } from '../src/links.ts';
import { addressOf, readPages, routeOf } from '../src/pages.ts';
import { writePublic } from '../src/public.ts';

const FOLDER = import.meta.dirname;
const version = process.env['SITE_VERSION'] ?? '';
const sourceUrl = process.env['SITE_SOURCE_URL'];
const base = process.env['SITE_BASE'] ?? '/';

/** VitePress looks for pages, and for a `config` of its own, in every folder below its source folder. */
const NOT_SEARCHED = ['**/node_modules/**', '**/dist/**', '**/.*/**', '**/src/**', '**/config.*'];

const { pages, others } = readPages();
const publicDir = join(FOLDER, 'public');
await writePublic(publicDir);

const sidebar = sidebarOf(pages, base);
const first = (text: string): string => sidebar.find((group) => group.text === text)?.items[0]?.link ?? '/';

/** Links to what `npm start` serves are for whoever runs it. */
const LOCAL = /^https?:\/\/(localhost|127\.0\.0\.1)\b/;

export default defineConfig<DefaultTheme.Config & { version: string }>({
  title: 'Holdfast',
  description:
    'Push messages to very many WebSocket clients, on your own machines, in order and with nothing silently lost.',
  lang: 'en',
  base,
  srcDir: repositoryRoot,
  srcExclude: [...others, ...NOT_SEARCHED],
  rewrites: (file) => routeOf(file) ?? file,
  ignoreDeadLinks: [LOCAL],
  cacheDir: join(FOLDER, 'cache'),
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}icon.svg` }]],
  // The index of the search, and mermaid, which pages without a diagram do not load.
  vite: { publicDir, logLevel: 'warn', build: { chunkSizeWarningLimit: 2000 } },
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark' },
    anchor: { slugify },
    attrs: false,
    emoji: false,
    languageAlias: { promql: 'text' },
    config: (md) => {
      linksPlugin(md, sourceUrl);
      diagramsPlugin(md);
    },
  },
  themeConfig: {
    logo: '/icon.svg',
    version,
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    nav: [
      { text: 'Start', link: addressOf('index.md') },
      { text: 'How-to', link: first('How-to') },
      { text: 'Reference', link: first('Reference') },
      { text: 'SDKs', link: first('SDKs') },
      { component: 'VersionsMenu' },
    ],
    docFooter: { prev: 'Before', next: 'Next' },
  },
});
