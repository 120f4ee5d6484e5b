import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { readBlocks } from '@holdfast/snippets/pages';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { tooWide } from '../e2e/console-page.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../e2e/temporary-directory.ts';
import { deadLinks, loadsOf, serveFolder } from './built-site.ts';

const SOON = { timeout: 30_000 };
const NARROW = { width: 360, height: 780 };
const WIDE = { width: 1360, height: 900 };

let out: TemporaryDirectory;
let version: string;
let served: Awaited<ReturnType<typeof serveFolder>>;
let browser: TestBrowser;

beforeAll(async () => {
  out = await temporaryDirectory();
  const manifest = await readFile(join(repositoryRoot, 'package.json'), 'utf8');
  ({ version } = JSON.parse(manifest) as { version: string });
  const program = join(repositoryRoot, 'site/src/main.ts');
  const built = await runCommand(process.execPath, [program, '--out', out.path], process.env);
  if (built.code !== 0) throw new Error(`the site cannot be built:\n${built.printed}`);
  served = await serveFolder(out.path);
  browser = await startBrowser();
});
afterAll(async () => {
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
  await (served as typeof served | undefined)?.[Symbol.asyncDispose]();
  await out[Symbol.asyncDispose]();
});

interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page, and what it asked other hosts for. */
  readonly faults: readonly string[];
}

async function visit(path: string, size = WIDE): Promise<Visit> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      faults.push(`${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(served.origin) && !request.url().startsWith('data:')) faults.push(request.url());
  });
  await page.setViewportSize(size);
  await page.goto(`${served.origin}${path}`, { waitUntil: 'networkidle' });
  return { page, faults, [Symbol.asyncDispose]: () => page.close() };
}

const at = (path: string): string => `/${version}/${path}`;

describe('the site', () => {
  it('has no link that leads nowhere, and no anchor that is not there', async () => {
    const { pages, links, dead } = await deadLinks(out.path);
    expect(dead).toEqual([]);
    expect(pages).toBeGreaterThan(90);
    expect(links).toBeGreaterThan(5000);
  });

  it('loads nothing from elsewhere, on any page', async () => {
    const names = (await readdir(out.path, { recursive: true })).filter((name) => name.endsWith('.html'));
    const loads = await Promise.all(names.map(async (name) => loadsOf(await readFile(join(out.path, name), 'utf8'))));
    expect(loads.flat()).toEqual([]);
    expect(
      loadsOf('<script async src="https://a.example/x.js"></script><link rel="preload" href="https://b.example/f">'),
    ).toEqual(['https://a.example/x.js', 'https://b.example/f']);
  });

  it('begins at the newest version, whose start page has every kind of reader and question one click away', async () => {
    await using visited = await visit('/');
    const { page, faults } = visited;
    await page.waitForURL(`**${at('')}`, SOON);
    await page.getByRole('heading', { level: 1, name: 'Holdfast' }).waitFor(SOON);
    const questions = [
      'How does my login become a client?',
      'A user has three tabs',
      'When do topics',
      'Why did X not get Y?',
    ];
    for (const text of [...questions, 'How do I upgrade?', 'mobile?']) {
      const href = await page.getByRole('link', { name: text }).first().getAttribute('href');
      const [file] = decodeURI(href ?? `no link "${text}"`).split('#');
      expect(existsSync(join(out.path, file ?? 'no file'))).toBe(true);
    }
    expect(await page.getByLabel('Version').first().inputValue()).toBe(version);
    expect(faults).toEqual([]);
  });

  it('finds "resume"', async () => {
    await using visited = await visit(at(''));
    const { page, faults } = visited;
    await page.keyboard.press('Control+k');
    await page.locator('.VPLocalSearchBox input').fill('resume');
    const results = page.locator('.VPLocalSearchBox [role=option]');
    await results.first().waitFor(SOON);
    expect((await results.allInnerTexts()).join(' ').toLowerCase()).toContain('resume');
    await results.first().click();
    await page.waitForURL(/\.html/, SOON);
    expect(faults).toEqual([]);
  });

  it('draws diagrams, in the light and in the dark', async () => {
    await using visited = await visit(at('architecture.html'));
    const { page, faults } = visited;
    const shape = 'figure.diagram svg .nodeLabel';
    const colour = `getComputedStyle(document.querySelector('${shape}') ?? document.body).color`;
    await page.locator(shape).first().waitFor(SOON);
    const light = await page.evaluate<string>(colour);
    await page.evaluate(`document.querySelector('.VPNavBarAppearance button').click()`);
    await page.waitForFunction(
      `document.querySelector('${shape}') !== null && ${colour} !== '${light}'`,
      undefined,
      SOON,
    );
    expect(await page.locator('pre.diagram').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('draws every diagram of every page', async () => {
    const names = (await readdir(out.path, { recursive: true })).filter((name) => name.endsWith('.html'));
    let drawn = 0;
    for (const name of names) {
      const html = await readFile(join(out.path, name), 'utf8');
      const diagrams = html.split('<pre class="diagram"').length - 1;
      if (diagrams === 0) continue;
      await using visited = await visit(`/${name}`);
      const { page, faults } = visited;
      const failed = page.locator('svg[aria-roledescription=error]');
      await page
        .locator('figure.diagram svg')
        .nth(diagrams - 1)
        .waitFor(SOON);
      expect({
        name,
        faults,
        failed: await failed.count(),
        left: await page.locator('pre.diagram').count(),
      }).toEqual({ name, faults: [], failed: 0, left: 0 });
      drawn += diagrams;
    }
    const blocks = (await readBlocks()).filter(
      ({ page, language }) => language === 'mermaid' && page.startsWith('docs/'),
    );
    expect(blocks.length).toBeGreaterThan(10);
    expect(drawn).toBeGreaterThanOrEqual(blocks.length);
  });

  it.each(['', 'architecture.html', 'operations.html', 'reference/configuration.html', 'sdks/client.html'])(
    'fits a screen of 360 pixels: /%s',
    async (path) => {
      await using visited = await visit(at(path), NARROW);
      expect(await tooWide(visited.page)).toBe(0);
      expect(visited.faults).toEqual([]);
    },
  );
});
