import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { build, createServer } from 'vitepress';
import manifest from '../package.json' with { type: 'json' };
import { addVersion } from './versions.ts';

// Builds the docs as a site: `npm run site -- --out <folder>` writes this version into <folder>/<version>/, beside those
// that are there, and has <folder>/index.html lead to the newest. `--serve` shows the pages as they are being written.

const SITE = resolve(import.meta.dirname, '..');
const PORT = 7780;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(SITE, 'dist') },
    version: { type: 'string', default: manifest.version },
    base: { type: 'string', default: '/' },
    'source-url': { type: 'string' },
    serve: { type: 'boolean', default: false },
    port: { type: 'string', default: String(PORT) },
  },
});
const { version, 'source-url': sourceUrl } = values;
process.env['SITE_VERSION'] = version;
const base = values.serve ? '/' : `${values.base.replace(/\/?$/, '/')}${version}/`;
process.env['SITE_BASE'] = base;
if (sourceUrl !== undefined) process.env['SITE_SOURCE_URL'] = sourceUrl.replace(/\/$/, '');

if (values.serve) {
  const server = await createServer(SITE, { port: Number(values.port) });
  await server.listen();
  server.printUrls();
} else {
  const out = resolve(repositoryRoot, values.out);
  await rm(join(out, version), { recursive: true, force: true });
  await build(SITE, { outDir: join(out, version) });
  const { latest, versions } = await addVersion(out, version);
  process.stdout.write(`${join(out, version)}: ${versions.join(', ')}; the root leads to ${latest}\n`);
}
