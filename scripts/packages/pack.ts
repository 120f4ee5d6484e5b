import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Built, buildPackage } from './build.ts';
import { publishedManifest, textOf } from './manifest.ts';
import { type Published, ROOT, inPackage } from './published.ts';

const run = promisify(execFile);

export interface Packed extends Built {
  readonly name: string;
  /** The tarball, as `npm install` takes it. */
  readonly tarball: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

/** What `npm pack --json` says of a tarball. */
interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Builds a package, stages it as it is published, and packs that into a folder. */
export async function packPackage(one: Published, folder: string): Promise<Packed> {
  const staged = join(folder, one.folder);
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged, { recursive: true });
  const built = await buildPackage(one, join(staged, 'dist'));
  const manifest = await publishedManifest(one);
  await writeFile(join(staged, 'package.json'), textOf(manifest));
  await cp(fileURLToPath(inPackage(one, 'README.md')), join(staged, 'README.md'));
  await cp(fileURLToPath(new URL('LICENSE', ROOT)), join(staged, 'LICENSE'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: staged,
  });
  // npm 12 gives an object by name, earlier ones a list.
  const [report] = Object.values(JSON.parse(stdout) as Record<string, PackReport>);
  if (report === undefined) throw new Error(`npm packed nothing of ${one.folder}`);
  return {
    ...built,
    name: String(manifest['name']),
    tarball: join(folder, report.filename),
    files: report.files.map(({ path }) => path).toSorted(),
    bytes: report.size,
  };
}
