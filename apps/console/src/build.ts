import { mkdir, writeFile } from 'node:fs/promises';
import { PAGE_NAMES, bundle } from './bundle.ts';

// Writes dist/<page>/, as images have it: there the pages are served without esbuild.

for (const page of PAGE_NAMES) {
  const folder = new URL(`../dist/${page}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of await bundle(page)) await writeFile(new URL(name, folder), bytes);
}
