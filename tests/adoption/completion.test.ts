import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '@holdfast/local/find-on-path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

/** Each press of Tab starts Node, on a machine that runs other files as well. */
const WAIT = { timeout: 20_000 };
const TEST_TIMEOUT_MS = 120_000;
const TAB = '\t';
/** Control-U: the line is empty again. */
const CLEAR = '\u0015';

/** How each is started without the files of whoever runs the tests, and how it reads the script. */
const starts: Record<Shell, { command: string; source: (file: string) => string }> = {
  bash: { command: 'bash --norc --noprofile -i', source: (file) => `source ${file}` },
  zsh: { command: 'zsh -f -i', source: (file) => `autoload -Uz compinit; compinit -u -D; source ${file}` },
  fish: { command: 'fish --private --no-config -i', source: (file) => `source ${file}` },
};

/** Of util-linux, which every Debian has: it gives the shell a terminal. */
const terminalProgram = (await findOnPath('script', process.env['PATH'])) ?? 'script';
const there = new Set<Shell>();
for (const shell of SHELLS) if ((await findOnPath(shell, process.env['PATH'])) !== null) there.add(shell);

let directory: string;
let terminal: ChildProcessWithoutNullStreams;
let screen: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-shell-'));
  screen = '';
});

afterEach(async () => {
  terminal.kill('SIGKILL');
  if (terminal.exitCode === null && terminal.signalCode === null) await once(terminal, 'exit');
  await rm(directory, { recursive: true, force: true });
});

/** Starts a shell at a terminal of its own, with the script read. */
async function start(shell: Shell): Promise<void> {
  const holdfast = join(repositoryRoot, 'apps/cli/bin/holdfast.js');
  const { output } = await runCommand(process.execPath, [holdfast, 'completion', shell], process.env);
  const script = join(directory, 'completion');
  await writeFile(script, `${output}\n`);
  await writeFile(join(directory, 'private.jwk.json'), '');
  const { command, source } = starts[shell];
  terminal = spawn(terminalProgram, ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      TERM: 'xterm',
      PS1: '$ ',
      HISTFILE: '/dev/null',
      LC_ALL: 'C.UTF-8',
    },
  });
  terminal.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  // Printed by the shell, and not by the terminal that echoes what is typed.
  terminal.stdin.write(`${source(script)}; echo rea''dy\r`);
  await vi.waitFor(() => expect(plain(screen)).toContain('ready'), WAIT);
}

/** Without what steers the terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control sequences are what this is about
  return text.replaceAll(/\u001b(?:\[[0-9;?>=]*[a-zA-Z]|\][^\u0007]*\u0007|[()][A-Z0-9]|[=>])|[\u0007\u000f]/g, '');
}

/** Types on an empty line. */
function type(keys: string): void {
  screen = '';
  terminal.stdin.write(CLEAR + keys);
}

describe.each(SHELLS)('completion in %s', { timeout: TEST_TIMEOUT_MS }, (shell) => {
  it.runIf(there.has(shell))(
    'writes commands, options, choices and files, after holdfast and after npx holdfast',
    async () => {
      await start(shell);
      for (const [line, shown] of [
        ['holdfast topic cre', /holdfast topic create/],
        ['npx holdfast key rev', /npx holdfast key revoke/],
        ['holdfast history chat --li', /--limit/],
        ['holdfast topic create chat --presence cl', /--presence client/],
        ['holdfast topic create chat --presence=cl', /chat --presence=client/],
        ['holdfast token --key-file priv', /private\.jwk\.json/],
        // All that fit are listed, once or after a second press.
        [`holdfast topic create chat --presence ${TAB}`, /client[^]*none|none[^]*client/],
      ] as const) {
        type(line + TAB);
        await vi.waitFor(() => expect(plain(screen)).toMatch(shown), WAIT);
      }
    },
  );
});
