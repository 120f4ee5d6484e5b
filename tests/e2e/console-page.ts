import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { Backend } from './backend.ts';
import type { TestBrowser } from './browser.ts';

/** A page answers within moments; edges, Redis and other tests are at work as well. */
export const SOON = { timeout: 20_000 };
export const NARROW = { width: 360, height: 780 };
export const WIDE = { width: 1280, height: 860 };

interface ConsoleOptions {
  /** After the `#`: `/topics/news`. Default: where the console begins. */
  readonly route?: string;
  /** Default: that of the installation, with full rights. */
  readonly key?: string;
  readonly size?: { width: number; height: number };
}

/** A tab with the console in it. */
export interface ConsolePage extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page: exceptions, and what its policy forbade. */
  readonly faults: readonly string[];
  /** Every address that was asked for, fragments left out. */
  readonly asked: readonly string[];
  readonly visit: (route: string) => Promise<void>;
  /** The heading of the view. */
  readonly heading: (name: string | RegExp) => Promise<void>;
}

/** Opens the console as `npm start` names it: with the key in the fragment. `await using` it. */
export async function openConsole(
  browser: TestBrowser,
  { installation }: Backend,
  { route, key = installation.key, size = WIDE }: ConsoleOptions = {},
): Promise<ConsolePage> {
  const page = await browser.newPage();
  const faults: string[] = [];
  const asked: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => asked.push(request.url()));
  await page.setViewportSize(size);
  const address = `${installation.controlUrl}/console`;
  await page.goto(`${address}#key=${key}`);
  const visit = async (to: string): Promise<void> => {
    await page.goto(`${address}#${to}`);
  };
  // Not shown on a narrow screen.
  await page
    .locator('nav')
    .first()
    .waitFor({ state: 'attached', ...SOON });
  if (route !== undefined) await visit(route);
  return {
    page,
    faults,
    asked,
    visit,
    heading: (name) => page.getByRole('heading', { level: 1, name }).waitFor(SOON),
    [Symbol.asyncDispose]: () => page.close(),
  };
}

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds on the page as it is: rules with the elements that break them. The policy of the page stays in force. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axeFile, 'utf8'));
  return page.evaluate<string[]>(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + ' ' + failureSummary)))
  `);
}

/** How many pixels the page is wider than its window. */
export function tooWide(page: Page): Promise<number> {
  return page.evaluate<number>(
    'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)',
  );
}

/** The number in large letters on a card of a chart. */
export async function trendValue(page: Page, title: string): Promise<string> {
  return page.getByRole('region', { name: title }).locator('strong').first().innerText();
}
