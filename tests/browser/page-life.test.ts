import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { allowing, startPageServer } from '../e2e/page-server.ts';
import { serveReadmePage } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(() => (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]());

/** The page that the README of the SDK shows, in a tab, connected as the first client. */
async function readmeTab() {
  await using started = new AsyncDisposableStack();
  const site = started.use(await startPageServer());
  const backend = started.use(await startBackend({ edges: 1, env: allowing(site) }));
  const readme = await serveReadmePage(site, backend);
  site.serve('/elsewhere', 'text/html', () => '<!doctype html><title>Another page of the site</title>');
  const page = started.use(await browser.newPage());
  await page.goto(site.origin);
  await readme.isServed(1);
  const running = started.move();
  return { ...readme, site, backend, page, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Opens a tab that gets a copy of the page's storage, as a duplicated tab does. */
async function duplicate(page: Page): Promise<Page> {
  const [copy] = await Promise.all([page.waitForEvent('popup'), page.evaluate('void open(location.href)')]);
  return copy;
}

describe('the page of the README', () => {
  it('goes on after a reload, and registers again when it is unregistered', async () => {
    await using tab = await readmeTab();
    const { page, publish, shows } = tab;
    await publish('at first');
    await shows(page, 'at first');

    await page.route('**/holdfast.js', async (route) => {
      await publish('meanwhile');
      await route.continue();
    });
    await page.reload();
    await shows(page, 'meanwhile');
    await page.unroute('**/holdfast.js');
    await tab.isServed(1);

    await tab.backend.call('DELETE', `/v1/clients/${tab.clients[0]}`);
    await tab.isServed(2);
    await publish('again');
    await shows(page, 'again');
    expect(tab.clients).toHaveLength(2);
  });

  it('is another client in a duplicated tab, and both go on as what they are through reloads', async () => {
    await using tab = await readmeTab();
    const { page, publish, shows } = tab;
    // From then on there is something in the storage that a copy could go on with.
    await page.reload();
    await publish('before');
    await shows(page, 'before');
    await using copy = await duplicate(page);
    await tab.isServed(2, [0, 1]);
    await publish('to both');
    await shows(page, 'before', 'to both');
    await shows(copy, 'to both');
    for (const reloaded of [page, copy]) await reloaded.reload();
    await tab.isServed(2, [0, 1]);
    await publish('after');
    for (const reloaded of [page, copy]) await shows(reloaded, 'after');
    expect(tab.clients).toHaveLength(2);
  });

  it('leaves no tab silent that was duplicated while it was hidden', async () => {
    await using tab = await readmeTab();
    const { page, publish, shows } = tab;
    await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: true });
      document.dispatchEvent(new Event('visibilitychange'))`);
    await using copy = await duplicate(page);
    // The copy is the first client now, and the first tab a new one.
    await tab.isServed(2, [0, 1]);
    await publish('to both');
    for (const shown of [page, copy]) await shows(shown, 'to both');
    expect(tab.clients).toHaveLength(2);
  });

  it('misses nothing while another page is shown, comes back as the same client, and is not in the storage then', async () => {
    await using tab = await readmeTab();
    const { page, publish, shows } = tab;
    await publish('before');
    await shows(page, 'before');
    await page.evaluate(`addEventListener('pageshow', ({ persisted }) => (globalThis.fromCache = persisted))`);
    await page.goto(`${tab.site.origin}/elsewhere`);
    expect(await page.evaluate('sessionStorage.length')).toBe(1);
    await publish('meanwhile');
    await page.goBack({ waitUntil: 'commit' });
    await tab.isServed(1);
    const fromCache: unknown = await page.evaluate('globalThis.fromCache');
    await shows(page, ...(fromCache === true ? ['before', 'meanwhile'] : ['meanwhile']));
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await using copy = await duplicate(page);
    await tab.isServed(2, [0, 1]);
    await publish('to both');
    await shows(copy, 'to both');
    expect(tab.clients).toHaveLength(2);
  });

  it('finds out that it was unregistered while another page was shown, and registers again', async () => {
    await using tab = await readmeTab();
    const { page, publish, shows } = tab;
    await page.goto(`${tab.site.origin}/elsewhere`);
    await tab.backend.call('DELETE', `/v1/clients/${tab.clients[0]}`);
    await page.goto(tab.site.origin);
    await tab.isServed(2);
    await publish('again');
    await shows(page, 'again');
    expect(tab.clients).toHaveLength(2);
  });
});
