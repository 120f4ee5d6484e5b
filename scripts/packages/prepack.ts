import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildPackage } from './build.ts';
import { publishedManifest, textOf } from './manifest.ts';
import { type Published, ROOT, inPackage, published } from './published.ts';

// `npm pack` in the folder of a package, which starts this before and after it (`prepack`, `postpack`), gives the same
// tarball as `npm run packages`. Meanwhile the package.json of the sources is kept beside it.

const KEPT = 'package.source.json';

const [folder, when] = process.argv.slice(2);
const one = published.find((each) => each.folder === folder);
if (one === undefined) throw new Error(`usage: prepack.ts ${published.map((each) => each.folder).join('|')} [after]`);
await (when === 'after' ? restore(one) : prepare(one));

async function prepare(which: Published): Promise<void> {
  await buildPackage(which, fileURLToPath(inPackage(which, 'dist')));
  const manifest = await publishedManifest(which);
  const source = await readFile(inPackage(which, 'package.json'), 'utf8');
  await writeFile(inPackage(which, KEPT), source, { flag: 'wx' });
  await copyFile(new URL('LICENSE', ROOT), inPackage(which, 'LICENSE'));
  await writeFile(inPackage(which, 'package.json'), textOf(manifest));
}

async function restore(which: Published): Promise<void> {
  await rename(inPackage(which, KEPT), inPackage(which, 'package.json'));
  await rm(inPackage(which, 'LICENSE'));
}
