import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packPackage } from './pack.ts';
import { ROOT, published } from './published.ts';

// Builds and packs what is published, and prints the sizes. `npm run packages` starts it; with `-- --to <folder>` it writes
// there in place of dist/packages.

const KB = 1000;

const { values } = parseArgs({ options: { to: { type: 'string' } } });
const folder = values.to ?? fileURLToPath(new URL('dist/packages', ROOT));

for (const one of published) {
  const { name, tarball, files, bytes, gzippedBytes } = await packPackage(one, folder);
  const size = `${kb(gzippedBytes)} of at most ${kb(one.maxGzippedBytes)} kB minified and gzipped`;
  process.stdout.write(`${name}: ${size}; ${tarball}, ${files.length} files, ${kb(bytes)} kB\n`);
}

function kb(bytes: number): string {
  return (bytes / KB).toFixed(1);
}
