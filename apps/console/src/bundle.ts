import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const SOURCE = new URL('./', import.meta.url);
/** Browsers that have nested CSS and `<dialog>`, of the last three years. */
const TARGETS = ['chrome120', 'firefox121', 'safari17.2'];

/** What each page is made of; all of it below this folder. */
const PAGES = {
  console: { script: 'main.tsx', styles: 'styles/app.css', markup: 'index.html' },
  docs: { script: 'docs/main.tsx', styles: 'docs/docs.css', markup: 'docs/index.html' },
} as const;

export type PageName = keyof typeof PAGES;

export const PAGE_NAMES = Object.keys(PAGES) as readonly PageName[];

/** A file of a page, by its name. */
export type Bundle = ReadonlyMap<string, Uint8Array>;

let last: Promise<unknown> = Promise.resolve();

/** Bundles a page in memory: `index.html`, `app.js`, `app.css`, `icon.svg`. Takes some 0.3 s. */
export function bundle(page: PageName): Promise<Bundle> {
  // One after the other: what ends esbuild behind one would end it under the next.
  const bundled = last.then(() => bundleNext(page));
  last = bundled.catch(() => undefined);
  return bundled;
}

async function bundleNext(page: PageName): Promise<Bundle> {
  const { script, styles, markup } = PAGES[page];
  const { outputFiles } = await build({
    entryPoints: [script, styles].map((file) => ({ in: fileURLToPath(new URL(file, SOURCE)), out: 'app' })),
    outdir: fileURLToPath(new URL('../dist/', SOURCE)),
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: TARGETS,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  });
  // esbuild is a program of its own, which would stay for the next build.
  await stop();
  const built = outputFiles.map(({ path, contents }) => [path.slice(path.lastIndexOf('/') + 1), contents] as const);
  const copied = [
    ['index.html', await readFile(new URL(markup, SOURCE))],
    ['icon.svg', await readFile(new URL('icon.svg', SOURCE))],
  ] as const;
  return new Map([...built, ...copied]);
}
