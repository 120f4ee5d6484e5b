import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@holdfast/local/free-port';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { eventually } from '@holdfast/testkit/eventually';
import { call } from '@holdfast/testkit/rest';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Block } from '../../scripts/snippets/block.ts';
import { pageBlocks } from '../../scripts/snippets/pages.ts';
import { startBrowser } from '../e2e/browser.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

const PAGE = 'docs/tutorials/first-message.md';
const THIS_FILE = 'tests/adoption/newcomer.test.ts';
const PATIENCE = { timeoutMs: 30_000 };
/** The promise of the page, and how fast a person reads text that is new to it. */
const PROMISED_SECONDS = 300;
const WORDS_A_MINUTE = 200;
/** What is not part of the steps. */
const AFTERWARDS = '## If it does not';

/** The blocks of the page that this test stands for, and what they print, in order. */
async function testedBlocks(): Promise<Block[]> {
  const blocks = await pageBlocks(PAGE);
  return blocks.filter(({ language, marks }) => language === 'text' || marks.testedBy === THIS_FILE);
}

/** What a person has: none of what npm tells the programs that it starts, and no registry. */
function personsEnvironment(more: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_|^HOLDFAST_|^REDIS_/.test(name));
  return { ...Object.fromEntries(own), npm_config_offline: 'true', ...more };
}

function linesOf({ code }: Block): number {
  return code.split('\n').filter((line) => line.trim() !== '').length;
}

/** Starts a program in a folder, until it is disposed of. `await using` it. */
function startProgram(program: string, args: readonly string[], cwd: string, env: Record<string, string | undefined>) {
  const child: ChildProcess = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return {
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

it('shows a message to one person, in an empty folder, within five minutes of a newcomer', async () => {
  const text = await readFile(join(repositoryRoot, PAGE), 'utf8');
  const blocks = await testedBlocks();
  const [page, backend] = blocks.filter(({ marks }) => marks.file !== undefined);
  expect(blocks.map(({ language, marks }) => marks.file ?? language)).toEqual([
    'sh',
    'page.html',
    'backend.mjs',
    'sh',
    'sh',
    'text',
  ]);
  expect(page && linesOf(page)).toBeLessThanOrEqual(10);
  expect(backend && linesOf(backend)).toBeLessThanOrEqual(15);

  // Before the clock runs: npm start is up, and the packages are made.
  await using started = new AsyncDisposableStack();
  const repository = started.use(await temporaryDirectory());
  const packages = started.use(await temporaryDirectory());
  const empty = started.use(await temporaryDirectory());
  const packed = await runCommand(
    process.execPath,
    [join(repositoryRoot, 'scripts/packages/main.ts'), '--to', packages.path],
    process.env,
  );
  expect(packed).toMatchObject({ code: 0 });
  const services = personsEnvironment({ CONTROL_PORT: '0', EDGE_PORT: '0' });
  const main = join(repositoryRoot, 'apps/dev/src/main.ts');
  const npmStart = started.use(startProgram(process.execPath, [main], repository.path, services));
  await eventually(() => expect(npmStart.output()).toMatch(/Ctrl-C stops it all\./), PATIENCE);
  const state = await readFile(join(repository.path, '.holdfast/installation.json'), 'utf8');
  const { controlUrl } = JSON.parse(state) as { controlUrl: string };
  const key = await readFile(join(repository.path, '.holdfast/dev-key'), 'utf8');
  const browser = started.use(await startBrowser());

  const env = personsEnvironment({ PACKAGES: packages.path, HOLDFAST_CONTROL_URL: controlUrl, HOLDFAST_KEY: key });
  const port = String(await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const isConnected = async (user: string): Promise<void> => {
    await eventually(async () => {
      expect((await call(controlUrl, 'GET', `/v1/users/${user}`, { key })).body).toMatchObject({ connected: true });
    }, PATIENCE);
  };
  const inFolder = (code: string) => runCommand('bash', ['-ec', `cd "$0"\n${code}`, empty.path], env);

  const beganAt = performance.now();
  const printed: string[] = [];
  const pages = new Map<string, Page>();
  for (const { language, marks, code } of blocks) {
    const ours = code.replaceAll('8080', port);
    if (language === 'text') {
      const parts = code.trim().split('…');
      expect(parts.map((part) => printed.at(-1)?.includes(part))).toEqual(parts.map(() => true));
    } else if (marks.file !== undefined) {
      await writeFile(join(empty.path, marks.file), ours);
    } else if (ours.startsWith('node ')) {
      // The backend, which runs until the end.
      const running = started.use(startProgram('bash', ['-c', `exec ${ours}`], empty.path, env));
      // "Open … and, in a second window, …".
      const addresses = [...text.matchAll(/<http:\/\/127\.0\.0\.1:8080(\/\?user=(\w+))>/g)];
      expect(addresses.map(([, , user]) => user)).toEqual(['ann', 'bob']);
      for (const [, path = '', user = ''] of addresses) {
        const tab = await browser.newPage();
        await eventually(() => {
          expect(running.isRunning()).toBe(true);
          return tab.goto(origin + path);
        }, PATIENCE);
        await isConnected(user);
        pages.set(user, tab);
      }
    } else {
      const { code: exitCode, output, printed: all } = await inFolder(ours);
      expect({ exitCode, all: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, all: '' });
      printed.push(output);
    }
  }
  const shows = (tab: Page | undefined, message: string) =>
    eventually(async () => expect(await tab?.innerText('body')).toContain(message), PATIENCE);
  await shows(pages.get('ann'), 'Hello, Ann!');
  const machineSeconds = (performance.now() - beganAt) / 1000;

  // "Open Ann's page in two windows: both show the next one", and Bob's page what is his alone.
  const second = await browser.newPage();
  await second.goto(`${origin}/?user=ann`);
  await eventually(async () => {
    expect((await call(controlUrl, 'GET', '/v1/users/ann', { key })).body).toMatchObject({ connections: 2 });
  }, PATIENCE);
  for (const query of ['user=ann&text=Next', 'user=bob&text=Bob+only']) {
    expect((await fetch(`${origin}/send?${query}`, { method: 'POST' })).status).toBe(200);
  }
  for (const tab of [pages.get('ann'), second]) await shows(tab, 'Next');
  await shows(pages.get('bob'), 'Bob only');
  expect(await pages.get('bob')?.innerText('body')).not.toMatch(/Ann|Next/);

  const steps = text.slice(0, text.indexOf(AFTERWARDS));
  const readingSeconds = (steps.split(/\s+/).length / WORDS_A_MINUTE) * 60;
  const seconds = machineSeconds + readingSeconds;
  process.stdout.write(
    `The first message: ${machineSeconds.toFixed(1)} s of the machine, and ${readingSeconds.toFixed(0)} s of reading ` +
      `(${WORDS_A_MINUTE} words a minute, code too): ${seconds.toFixed(0)} s of ${PROMISED_SECONDS}.\n`,
  );
  expect(seconds).toBeLessThan(PROMISED_SECONDS);
});
