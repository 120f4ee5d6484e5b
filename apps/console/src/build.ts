import { mkdir, writeFile } from 'node:fs/promises';
import { bundle } from './bundle.ts';

// Writes dist/, as images have it: there the page is served without esbuild.

const FOLDER = new URL('../dist/', import.meta.url);

await mkdir(FOLDER, { recursive: true });
for (const [name, bytes] of await bundle()) await writeFile(new URL(name, FOLDER), bytes);
