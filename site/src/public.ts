import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { PUBLISHED } from './links.ts';

const ICON = 'apps/console/src/icon.svg';

/** Copies what the site has as it is into a folder that VitePress publishes. */
export async function writePublic(folder: string): Promise<void> {
  for (const [source, address] of [...Object.entries(PUBLISHED), [ICON, '/icon.svg'] as const]) {
    const target = join(folder, address);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(repositoryRoot, source), target);
  }
}
