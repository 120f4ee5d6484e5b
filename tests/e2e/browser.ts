import { join } from 'node:path';
import { findOrBringChromium } from './chromium.ts';
import { type Page, chromium } from 'playwright-core';
import { temporaryDirectory } from './temporary-directory.ts';

/** It loads our own pages and nothing else: what it would do for a person's sake only costs time, or asks the network. */
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser extends AsyncDisposable {
  /** Opens a tab. `await using` it. */
  readonly newPage: () => Promise<Page>;
  /**
   * Suspends the processes of its pages meanwhile, as a machine does with pages that it puts to sleep: no script runs and no
   * timer. Their connections stay.
   */
  readonly whileSuspended: (doing: () => Promise<void>) => Promise<void>;
}

/**
 * Starts a headless Chromium with an empty profile of its own. It runs without its sandbox: root may not have one, few
 * containers let anybody have one, and the pages are ours. `await using` it.
 */
export async function startBrowser(): Promise<TestBrowser> {
  const { program } = await findOrBringChromium({ announce: (line) => process.stdout.write(`${line}\n`) });
  await using started = new AsyncDisposableStack();
  const { path } = started.use(await temporaryDirectory());
  const context = await chromium.launchPersistentContext(join(path, 'profile'), {
    executablePath: program,
    headless: true,
    chromiumSandbox: false,
    args: FLAGS,
    // People's browsers have it, and a page that comes out of it has connections that are gone.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    // Its profile is not all that it writes.
    env: { ...process.env, HOME: path, XDG_CONFIG_HOME: path, XDG_CACHE_HOME: path, TMPDIR: path },
    artifactsDir: join(path, 'artifacts'),
  });
  started.defer(() => context.close());
  const processes = await context.browser()?.newBrowserCDPSession();
  const whileSuspended: TestBrowser['whileSuspended'] = async (doing) => {
    const { processInfo = [] } = (await processes?.send('SystemInfo.getProcessInfo')) ?? {};
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    if (pages.length === 0) throw new Error('Chromium names no process of a page');
    try {
      for (const id of pages) process.kill(id, 'SIGSTOP');
      await doing();
    } finally {
      for (const id of pages) process.kill(id, 'SIGCONT');
    }
  };
  const running = started.move();
  return { newPage: () => context.newPage(), whileSuspended, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
