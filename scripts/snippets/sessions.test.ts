import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { blocksOf } from './block.ts';
import { planOf } from './plan.ts';
import { runSession } from './sessions.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sessions-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The faults of a page's sessions, as they are printed. */
async function run(...lines: string[]): Promise<string[]> {
  const { sessions } = planOf(blocksOf('docs/page.md', lines.join('\n')));
  const faults = [];
  for (const session of sessions) {
    const found = await runSession(session, {
      folderOf: () => join(folder, session.name),
      prepare: async () => undefined,
      env: { PATH: process.env['PATH'] ?? '' },
      here: (text) => text.replaceAll('127.0.0.1:7700', '127.0.0.1:1234'),
    });
    faults.push(...found.map(({ page, line, what }) => `${page}:${line}: ${what}`));
  }
  return faults;
}

it('blocks share variables and files, and print what the page shows', async () => {
  const faults = await run(
    '```sh run=a',
    'NAME=Ann',
    '```',
    '```text run=a file=deep/hello.txt',
    'http://127.0.0.1:7700',
    '```',
    '```sh run=a',
    'echo "hello $NAME"; cat deep/hello.txt; ls',
    '```',
    '```text output',
    'hello Ann',
    'http://127.0.0.1:7700',
    'deep',
    '```',
  );
  expect(faults).toEqual([]);
});

it('a block whose output differs is named with its line, and what it prints', async () => {
  const faults = await run('```sh run=a', 'echo two', '```', '', '```text output', 'one', '```');
  expect(faults).toEqual(['docs/page.md:5: the page shows\n    one\nand it prints\n    two']);
});

it('a command that fails ends its session, and is named with its line in the page', async () => {
  const faults = await run(
    '```sh run=a',
    'echo one',
    'grep -q x /dev/null',
    'touch after',
    '```',
    '```sh run=a',
    'touch after',
    '```',
  );
  expect(faults).toEqual(['docs/page.md:3: exit code 1:\n    one']);
  expect(existsSync(join(folder, 'a/after'))).toBe(false);
});

it('a command that fails in a pipe is named, in the background too', async () => {
  expect(await run('```sh run=a', 'does-not-exist | head -1', '```')).toEqual([
    expect.stringMatching(/^docs\/page\.md:2: exit code 127/),
  ]);
  const background = ['```sh run=b background=c', 'does-not-exist | head -1', '```', '```text output=c', 'x', '```'];
  expect(await run(...background)).toHaveLength(1);
});

it('a block that is no shell is named, and one that ends the shell', async () => {
  expect(await run('```sh run=a', 'if true', '```')).toEqual([
    expect.stringMatching(/^docs\/page\.md:\d: .*syntax error/s),
  ]);
  expect(await run('```sh run=b', 'exit 0', '```')).toEqual(['docs/page.md:1: it ends the shell:\n    ']);
});

it('a background block goes on beside the next ones, is waited for, and ends with the session', async () => {
  const faults = await run(
    '```sh run=a background=server',
    'echo $$ > pid; until [ -e go ]; do sleep 0.05; done; echo "it went"; while :; do sleep 0.05; done',
    '```',
    '```sh run=a',
    'touch go',
    '```',
    '```text output=server',
    'it went',
    '```',
  );
  expect(faults).toEqual([]);
});

it('a background block that fails is a fault of its own, with what it printed', async () => {
  const faults = await run('```sh run=a background', 'echo broken; exit 3', '```', '```sh run=a', 'wait', '```');
  expect(faults).toEqual(['docs/page.md:1: exit code 3:\n    broken']);
});
