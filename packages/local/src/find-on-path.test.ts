import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOnPath } from './find-on-path.ts';

describe('findOnPath', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    for (const folder of ['empty', 'readable', 'a-folder/tool', 'good', 'later']) {
      await mkdir(join(directory, folder), { recursive: true });
    }
    await writeFile(join(directory, 'readable/tool'), '');
    for (const folder of ['good', 'later']) {
      await writeFile(join(directory, folder, 'tool'), '');
      await chmod(join(directory, folder, 'tool'), 0o755);
    }
  });
  afterAll(() => rm(directory, { recursive: true }));

  const path = (...folders: string[]) => folders.map((folder) => join(directory, folder)).join(':');

  it('takes the first executable file, past files that are not executable, folders and what does not exist', async () => {
    const found = await findOnPath('tool', path('missing', 'empty', 'readable', 'a-folder', 'good', 'later'));
    expect(found).toBe(join(directory, 'good/tool'));
  });

  it('gives null when no directory of PATH has it, and when there is no PATH', async () => {
    expect(await findOnPath('tool', path('empty', 'readable'))).toBeNull();
    expect(await findOnPath('tool', '')).toBeNull();
    expect(await findOnPath('tool', undefined)).toBeNull();
  });
});
