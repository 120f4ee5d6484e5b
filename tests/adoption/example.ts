import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createWantedKeys } from '@holdfast/example-run/keys';
import { isAlive } from '@holdfast/local/is-alive';
import { freePort } from '@holdfast/local/free-port';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import { descendantsOf } from '@holdfast/testkit/processes';
import { pageBlocks } from '@holdfast/snippets/pages';
import axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { startBrowser } from '../e2e/browser.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

const root = resolve(import.meta.dirname, '../..');
/** An installation starts, a page is built, on a busy machine. */
export const PATIENCE = { timeoutMs: 60_000 };

export interface Example extends AsyncDisposable {
  readonly output: () => string;
  /** Waits until it has printed this, and gives the first group. */
  readonly printed: (text: RegExp) => Promise<string>;
  /** Null: a signal has ended it. */
  readonly exitCode: Promise<number | null>;
  /** As Ctrl-C in its terminal. Resolves when it has ended, and all that it started. */
  readonly interrupt: () => Promise<void>;
}

/** Runs the command that the README of an example shows, its first block. `await using` it. */
export async function startExample(readme: string, env: Record<string, string>): Promise<Example> {
  const [block] = await pageBlocks(readme);
  const command = block?.code.trim() ?? '';
  if (!/^npm start [^\n]*$/.test(command)) throw new Error(`${readme} does not begin with npm start`);
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C of a terminal goes to a group.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  }
  const ended = once(child, 'close');
  const interrupt = async (): Promise<void> => {
    const { pid } = child;
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const processes = descendantsOf(pid);
    process.kill(-pid, 'SIGINT');
    await ended;
    await eventually(() => expect(processes.filter(isAlive)).toEqual([]), PATIENCE);
  };
  return {
    output: () => output,
    printed: async (text) => {
      const isPrinted = eventually(() => expect(output).toMatch(text), PATIENCE);
      await Promise.race([isPrinted, ended]);
      expect(output).toMatch(text);
      return text.exec(output)?.[1] ?? '';
    },
    exitCode: ended.then(([code]) => code as number | null),
    interrupt,
    [Symbol.asyncDispose]: interrupt,
  };
}

export interface InstallationOfExample extends AsyncDisposable {
  readonly backend: Backend;
  /** The variables that the example needs to run beside it. */
  readonly env: Record<string, string>;
  /** A folder for files of the test. */
  readonly directory: string;
}

/** Starts an installation with the keys of an example, for its pages. `await using` it. */
export async function startInstallationOf(name: string): Promise<InstallationOfExample> {
  await using started = new AsyncDisposableStack();
  const { path: directory } = started.use(await temporaryDirectory());
  const keysFile = join(directory, 'api-keys.json');
  const keys = await createWantedKeys(join(root, 'examples', name), keysFile);
  const { presented: key } = await createKey(keysFile, { id: 'test', can: FULL_RIGHTS });
  const port = String(await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const backend = started.use(
    await startBackend({
      edges: 1,
      keys: { keysFile, key },
      env: { CONTROL_ALLOWED_ORIGINS: origin, EDGE_ALLOWED_ORIGINS: origin },
    }),
  );
  const running = started.move();
  const env = { ...keys, PORT: port, HOLDFAST_CONTROL_URL: backend.installation.controlUrl };
  return { backend, env, directory, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Frames that came over its WebSockets. */
  readonly frames: readonly string[];
}

export interface Visitors extends AsyncDisposable {
  /** Opens an address in a browser of its own: no cookie of the others. */
  readonly visit: (url: string) => Promise<Visitor>;
  /** What the consoles of all pages have as errors and warnings, and what was thrown there. */
  readonly complaints: readonly string[];
}

/** What axe finds wrong with a page for people who do not see it, or not well: rules, and where. */
export async function accessibilityFaults({ page }: Visitor): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** Starts a browser. `await using` it. */
export async function startVisitors(): Promise<Visitors> {
  const browser = await startBrowser();
  const complaints: string[] = [];
  return {
    complaints,
    visit: async (url) => {
      const first = await browser.newPage();
      const context = await first.context().browser()?.newContext();
      if (context === undefined) throw new Error('the browser opens no second profile');
      await first.close();
      const page = await context.newPage();
      const frames: string[] = [];
      page.on('console', (line) => {
        if (['error', 'warning'].includes(line.type())) complaints.push(line.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => void frames.push(payload.toString())),
      );
      await page.goto(url);
      return { context, page, frames };
    },
    [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
  };
}
