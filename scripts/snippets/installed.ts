import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';

const PACK_PROGRAM = join(repositoryRoot, 'scripts/packages/main.ts');
/** What an application has beside our packages. */
const BESIDE = ['react@19.3.1', '@types/react@19.3.3', '@types/node@26.6.6'];
const TARBALLS = 'tarballs';

/** Builds and packs our packages, and installs them from their tarballs into a folder. Gives where the tarballs are. */
export async function installPackages(folder: string): Promise<string> {
  const tarballs = join(folder, TARBALLS);
  await mkdir(folder, { recursive: true });
  await succeed(process.execPath, [PACK_PROGRAM, '--to', tarballs]);
  const names = (await readdir(tarballs)).filter((name) => name.endsWith('.tgz'));
  const packed = names.map((name) => `./${TARBALLS}/${name}`);
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await succeed('npm', [
    'install',
    '--prefix',
    folder,
    ...quiet,
    ...packed.map((path) => join(folder, path)),
    ...BESIDE,
  ]);
  return tarballs;
}

async function succeed(program: string, args: readonly string[]): Promise<void> {
  const { code, printed } = await runCommand(program, args, process.env);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${printed}`);
}
