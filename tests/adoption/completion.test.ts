import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '@holdfast/local/find-on-path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Found, findShell, programOrSkip } from './sdks/languages.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

/** Each press of Tab starts Node, on a machine that runs other files as well. */
const WAIT = { timeout: 20_000 };
const TEST_TIMEOUT_MS = 120_000;
const TAB = '\t';
/** Control-U: the line is empty again. */
const CLEAR = '\u0015';

/** How each is started without the files of whoever runs the tests, and how it reads the script. */
const starts: Record<Shell, { args: string; source: (file: string) => string }> = {
  bash: { args: '--norc --noprofile -i', source: (file) => `source ${file}` },
  zsh: { args: '-f -i', source: (file) => `autoload -Uz compinit; compinit -u -D; source ${file}` },
  fish: { args: '--private --no-config -i', source: (file) => `source ${file}` },
};

/** Of util-linux, which every Debian has: it gives the shell a terminal. */
const terminalProgram = (await findOnPath('script', process.env['PATH'])) ?? 'script';

let directory: string;
/** Undefined where there is no such shell. */
let terminal: ChildProcessWithoutNullStreams | undefined;
let screen: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-shell-'));
  screen = '';
});

afterEach(async () => {
  terminal?.kill('SIGKILL');
  if (terminal?.exitCode === null && terminal.signalCode === null) await once(terminal, 'exit');
  terminal = undefined;
  await rm(directory, { recursive: true, force: true });
});

/** Starts a shell at a terminal of its own, with the script read. */
async function start(shell: Shell, program: string, environment: Record<string, string> = {}): Promise<void> {
  const holdfast = join(repositoryRoot, 'apps/cli/bin/holdfast.js');
  const { output } = await runCommand(process.execPath, [holdfast, 'completion', shell], process.env);
  const script = join(directory, 'completion');
  await writeFile(script, `${output}\n`);
  await writeFile(join(directory, 'private.jwk.json'), '');
  const { args, source } = starts[shell];
  terminal = spawn(
    terminalProgram,
    ['--quiet', '--flush', '--return', '--command', `${program} ${args}`, '/dev/null'],
    {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        TERM: 'xterm',
        PS1: '$ ',
        HISTFILE: '/dev/null',
        LC_ALL: 'C.UTF-8',
        ...environment,
      },
    },
  );
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
  terminal?.stdin.write(CLEAR + keys);
}

describe.each(SHELLS)('completion in %s', { timeout: TEST_TIMEOUT_MS }, (shell) => {
  let found: Found;

  beforeAll(async () => {
    found = await findShell(shell);
  });

  it('writes commands, options, choices and files, after holdfast and after npx holdfast', async ({ skip }) => {
    await start(shell, programOrSkip(found, skip));
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
  });

  it.for(['C', 'C.UTF-8'])('runs nothing that a client is named, with the locale %s', async (locale, { skip }) => {
    const program = programOrSkip(found, skip);
    let asked = 0;
    await using server = createServer((_request, response) => {
      asked += 1;
      const names = ["'é;touch pwned;#", ';touch pwned;#', '$(touch pwned)', 'a\\x:y'];
      const clients = names.map((name) => ({ clientId: '0', name, connected: true }));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ clients, cursor: null }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const environment = { LC_ALL: locale, HOLDFAST_CONTROL_URL: `http://127.0.0.1:${port}`, HOLDFAST_KEY: 'a.b' };
    await start(shell, program, environment);
    for (const line of ["'", '', 'a']) {
      const before = asked;
      type(`holdfast disconnect ${line}${TAB}`);
      await vi.waitFor(() => expect(asked).toBeGreaterThan(before), WAIT);
      // Ends what is quoted still; the answer is printed once the line has run.
      terminal?.stdin.write(line === "'" ? "'; echo do''ne\r" : "; echo do''ne\r");
      await vi.waitFor(() => expect(plain(screen)).toContain('done'), WAIT);
      expect(plain(screen)).not.toContain('ax:y');
      expect(await readdir(directory)).not.toContain('pwned');
    }
  });
});
