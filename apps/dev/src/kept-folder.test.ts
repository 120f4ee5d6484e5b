import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keptFolder } from './kept-folder.ts';
import { run } from './run.ts';

/** Of a user of Debian that is not root and owns nothing here. */
const UNPRIVILEGED = 65_534;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Root may write everywhere, and tests in containers run as root. */
async function withoutRoot<Result>(action: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(UNPRIVILEGED);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

async function start(): Promise<{ exitCode: number; logged: string[] }> {
  const logged: string[] = [];
  const exitCode = await run({
    env: { ...process.env, CONTROL_PORT: '0', EDGE_PORT: '0' },
    directory,
    log: (line) => logged.push(line),
    signal: new AbortController().signal,
  });
  return { exitCode, logged };
}

it('is made, found again as it is, and holds nothing of the trial', async () => {
  const { kept, logs } = await keptFolder(directory);
  await writeFile(join(kept, 'dev-key'), 'dev.secret');
  expect(await keptFolder(directory)).toEqual({ kept, logs });
  expect((await readdir(kept)).toSorted()).toEqual(['dev-key', 'logs']);
  expect(await readdir(logs)).toEqual([]);
});

it('ends npm start with one message and 1, before any Redis, where this user may not write', async () => {
  await chmod(directory, 0o555);
  const { exitCode, logged } = await withoutRoot(start);
  await chmod(directory, 0o755);
  expect(exitCode).toBe(1);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain(`${join(directory, '.holdfast')}, and cannot use`);
  expect(logged[0]).toContain('clone the repository into a folder of your own');
  expect(await readdir(directory)).toEqual([]);
});

it.each(['api-keys.json', 'logs/control-api.log'])(
  'ends npm start likewise when %s in it belongs to another user',
  async (name) => {
    await chmod(directory, 0o755);
    const file = join(directory, '.holdfast', name);
    await mkdir(join(directory, '.holdfast/logs'), { recursive: true });
    await writeFile(file, '{"keys":[]}', { mode: 0o000 });
    for (const folder of ['.holdfast', '.holdfast/logs']) await chmod(join(directory, folder), 0o777);
    const { exitCode, logged } = await withoutRoot(start);
    expect(exitCode).toBe(1);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(`cannot use ${file}: permission denied`);
  },
);

it('ends npm start likewise when a file is in the place of the folder', async () => {
  await writeFile(join(directory, '.holdfast'), '');
  expect(await start()).toEqual({
    exitCode: 1,
    logged: [expect.stringContaining('a file of that name is in the way')],
  });
});
