import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStateFile, removeStateFile, writeStateFile } from './state-file.ts';

describe('the stateFile of npm start', () => {
  let directory: string;
  const stateFile = {
    controlUrl: 'http://127.0.0.1:7700',
    edgeUrls: ['ws://127.0.0.1:7701', 'ws://127.0.0.1:7702'],
    key: 'dev.secret',
    keysFile: '/somewhere/api-keys.json',
    pid: process.pid,
  };
  const file = () => join(directory, '.holdfast/installation.json');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is read as it was written, by its owner alone, and leaves no other file', async () => {
    await writeStateFile(stateFile, directory);
    expect(await readStateFile([join(directory, 'elsewhere'), directory])).toEqual(stateFile);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, '.holdfast'))).toEqual(['installation.json']);
  });

  it('is none when the process that left it is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeStateFile({ ...stateFile, pid }, directory);
    expect(await readStateFile([directory])).toBeNull();
  });

  it('is none where there is none, and none when it was edited into something else', async () => {
    expect(await readStateFile([directory])).toBeNull();
    await mkdir(join(directory, '.holdfast'));
    for (const text of ['', 'null', '{}', JSON.stringify({ ...stateFile, edgeUrls: [7] })]) {
      await writeFile(file(), text);
      expect(await readStateFile([directory])).toBeNull();
    }
  });

  it('is removed by the installation that left it, and by no other', async () => {
    await writeStateFile(stateFile, directory);
    await removeStateFile(stateFile.pid + 1, directory);
    expect(await readStateFile([directory])).toEqual(stateFile);
    await removeStateFile(stateFile.pid, directory);
    expect(await readStateFile([directory])).toBeNull();
    await removeStateFile(stateFile.pid, directory);
  });
});
