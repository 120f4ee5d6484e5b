import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { freePort } from '@holdfast/local/free-port';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { eventually } from '@holdfast/testkit/eventually';
import { call } from '@holdfast/testkit/rest';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Block } from '@holdfast/snippets/block';
import { pageBlocks } from '@holdfast/snippets/pages';
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
function personsEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_|^HOLDFAST_|^REDIS_/.test(name));
  return { ...Object.fromEntries(own), npm_config_offline: 'true', ...more };
}

function linesOf({ code }: Block): number {
  return code.split('\n').filter((line) => line.trim() !== '').length;
}

/** Starts a program in a folder, until it is disposed of. `await using` it. */
function startProgram(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  const child: ChildProcess = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return {
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The blocks have to be these, in this order: what the page shows is done line by line. */
const ORDER = ['sh', 'page.html', 'backend.mjs', 'sh', 'sh', 'text'];

it('shows a message to one person, in an empty folder, within five minutes of a newcomer', async () => {
  const text = await readFile(join(repositoryRoot, PAGE), 'utf8');
  const blocks = await testedBlocks();
  expect(blocks.map(({ language, marks }) => marks.file ?? language)).toEqual(ORDER);
  const [install, page, backend, start, send, printed] = blocks as [Block, Block, Block, Block, Block, Block];
  expect(linesOf(page)).toBeLessThanOrEqual(10);
  expect(linesOf(backend)).toBeLessThanOrEqual(15);
  // "Open … and, in a second window, …".
  const addresses = [...text.matchAll(/<http:\/\/127\.0\.0\.1:8080(\/\?user=\w+)>/g)].map(([, path = '']) => path);
  expect(addresses).toEqual(['/?user=ann', '/?user=bob']);

  // Before the clock runs: npm start is up, and the packages are made.
  await using started = new AsyncDisposableStack();
  const repository = started.use(await temporaryDirectory());
  const packages = started.use(await temporaryDirectory());
  const empty = started.use(await temporaryDirectory());
  await runProgram(process.execPath, [join(repositoryRoot, 'scripts/packages/main.ts'), '--to', packages.path]);
  const services = personsEnvironment({ CONTROL_PORT: '0', EDGE_PORT: '0' });
  const main = join(repositoryRoot, 'apps/dev/src/main.ts');
  const npmStart = started.use(startProgram(process.execPath, [main], repository.path, services));
  await eventually(() => expect(npmStart.output()).toMatch(/Ctrl-C stops it all\./), PATIENCE);
  const state = await readFile(join(repository.path, '.holdfast/installation.json'), 'utf8');
  const { controlUrl } = JSON.parse(state) as { controlUrl: string };
  const key = await readFile(join(repository.path, '.holdfast/dev-key'), 'utf8');
  const browser = started.use(await startBrowser());
  const port = String(await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const env = personsEnvironment({ PACKAGES: packages.path, HOLDFAST_CONTROL_URL: controlUrl, HOLDFAST_KEY: key });
  const here = ({ code }: Block): string => code.replaceAll('8080', port);
  const inFolder = (block: Block) => runProgram('bash', ['-ec', `cd "$0"\n${here(block)}`, empty.path], env);
  const connections = (user: string, count: number) =>
    eventually(async () => {
      const { body } = await call(controlUrl, 'GET', `/v1/users/${user}`, { key });
      expect(body).toMatchObject({ connections: count });
    }, PATIENCE);
  const open = async (path: string): Promise<Page> => {
    const tab = await browser.newPage();
    await eventually(() => tab.goto(origin + path), PATIENCE);
    return tab;
  };

  const beganAt = performance.now();
  await inFolder(install);
  for (const block of [page, backend]) await writeFile(join(empty.path, block.marks.file ?? ''), here(block));
  started.use(startProgram('bash', ['-c', `exec ${here(start)}`], empty.path, env));
  const [ann, bob] = [await open(addresses[0] ?? ''), await open(addresses[1] ?? '')];
  for (const user of ['ann', 'bob']) await connections(user, 1);
  const answer = await inFolder(send);
  for (const part of printed.code.trim().split('…')) expect(answer).toContain(part);
  await shows(ann, 'Hello, Ann!');
  const machineSeconds = (performance.now() - beganAt) / 1000;

  // "Open Ann's page in two windows: both show the next one", and Bob's page what is his alone.
  const second = await open('/?user=ann');
  await connections('ann', 2);
  for (const query of ['user=ann&text=Next', 'user=bob&text=Bob+only']) {
    expect((await fetch(`${origin}/send?${query}`, { method: 'POST' })).status).toBe(200);
  }
  for (const tab of [ann, second]) await shows(tab, 'Next');
  await shows(bob, 'Bob only');
  expect(await bob.innerText('body')).not.toMatch(/Ann|Next/);

  // What a page must not do, and what must not end the backend.
  const registered = await fetch(`${origin}/register?user=eve`, { method: 'POST' });
  const { clientId } = (await registered.json()) as { clientId: string };
  await call(controlUrl, 'PUT', '/v1/topics/secret', { key });
  const subscribed = await call(controlUrl, 'POST', `/v1/clients/${clientId}/topics`, { body: { topics: ['secret'] } });
  expect(subscribed).toMatchObject({ status: 403, body: { type: 'urn:holdfast:problem:not-permitted' } });
  for (const path of ['//', '/%', '*', 'http://x//']) expect(await rawStatus(Number(port), path)).toBe(200);

  const steps = text.slice(0, text.indexOf(AFTERWARDS));
  const readingSeconds = (steps.split(/\s+/).length / WORDS_A_MINUTE) * 60;
  const seconds = machineSeconds + readingSeconds;
  process.stdout.write(
    `The first message: ${machineSeconds.toFixed(1)} s of the machine, and ${readingSeconds.toFixed(0)} s of reading ` +
      `(${WORDS_A_MINUTE} words a minute, code too): ${seconds.toFixed(0)} s of ${PROMISED_SECONDS}.\n`,
  );
  expect(seconds).toBeLessThan(PROMISED_SECONDS);
});

function shows(tab: Page, message: string): Promise<void> {
  return eventually(async () => expect(await tab.innerText('body')).toContain(message), PATIENCE);
}

/** The status of a request for a path as it is, which `fetch` would make another one. */
async function rawStatus(port: number, path: string): Promise<number | undefined> {
  const request = httpRequest({ host: '127.0.0.1', port, path });
  const answered = once(request, 'response');
  request.end();
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

/** Runs a program, which has to succeed. Gives what it printed. */
async function runProgram(program: string, args: readonly string[], env = process.env): Promise<string> {
  const { code, output, printed } = await runCommand(program, args, env);
  expect({ code, printed: code === 0 ? '' : printed }).toEqual({ code: 0, printed: '' });
  return output;
}
