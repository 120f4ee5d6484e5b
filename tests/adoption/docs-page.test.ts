import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { NARROW, SOON, WIDE, axeFindings, tooWide } from '../e2e/console-page.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

const run = promisify(execFile);
/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
/** What makes types of the document, and the compiler that it is made for. */
const GENERATOR = ['openapi-typescript@7.13.0', 'typescript@5.9.3'];

let browser: TestBrowser;
let backend: Backend & AsyncDisposable;
let base: string;
let key: string;

beforeAll(async () => {
  browser = await startBrowser();
  backend = await startBackend({ edges: 1, env: { CONSOLE: 'on' } });
  ({ controlUrl: base, key } = backend.installation);
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(async () => {
  await (backend as AsyncDisposable | undefined)?.[Symbol.asyncDispose]();
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
});

interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** Exceptions, and every error and warning in the browser's console. */
  readonly faults: string[];
  readonly asked: string[];
  readonly visit: (route: string, heading: string | RegExp) => Promise<void>;
}

async function open({ fragment = '', size = WIDE } = {}): Promise<Opened> {
  const page = await browser.newPage();
  const faults: string[] = [];
  const asked: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('request', (request) => asked.push(request.url()));
  await page.setViewportSize(size);
  await page.goto(`${base}/docs${fragment}`);
  await page.locator('nav').waitFor({ state: 'attached', ...SOON });
  return {
    page,
    faults,
    asked,
    visit: async (route, heading) => {
      await page.goto(`${base}/docs#${route}`);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor(SOON);
    },
    [Symbol.asyncDispose]: () => page.close(),
  };
}

/** What a call that was tried is answered. */
const answer = (page: Page) => page.getByRole('region', { name: 'Answer', exact: true });

interface Call {
  operationId: string;
  summary: string;
}

async function callsOfDocument(): Promise<Call[]> {
  const { body } = await backend.call<{ paths: Record<string, Record<string, Call>> }>('GET', '/openapi.json');
  return Object.values(body.paths).flatMap((operations) => Object.values(operations));
}

describe('the page of the API', () => {
  it('is where / leads a browser, and loads from here alone, without a word in the console', async () => {
    await using opened = await open();
    const { page, asked, faults } = opened;
    await page.goto(`${base}/`);
    await page.getByRole('heading', { level: 1, name: 'Holdfast Control API' }).waitFor(SOON);
    expect(page.url()).toBe(`${base}/docs#/start`);
    expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([base]));
    await page.getByRole('link', { name: 'Console' }).click();
    await page.getByLabel('API key').waitFor(SOON);
    expect(page.url()).toBe(`${base}/console`);
    expect(faults).toEqual([]);
  });

  it('has every call of the document, each with its own address, and no value that is none', async () => {
    await using opened = await open();
    const { page, visit, faults } = opened;
    const calls = await callsOfDocument();
    expect(await page.locator('nav .group a').count()).toBe(calls.length);
    for (const { operationId, summary } of calls) {
      await visit(`/calls/${operationId}`, summary);
      await page.getByRole('region', { name: 'Answers' }).waitFor(SOON);
      const text = await page.locator('main').innerText();
      expect(text, `of ${operationId}`).not.toMatch(/undefined|\[object|NaN/);
    }
    await visit('/calls/none', 'No such call');
    expect(faults).toEqual([]);
  });

  it('finds calls by words, also by the code of a problem, and leads to the calls that have it', async () => {
    await using opened = await open();
    const { page, faults } = opened;
    const listed = page.locator('nav .group a');
    await page.getByLabel('Filter calls').fill('key-exists');
    await expect.poll(() => listed.count()).toBe(1);
    await listed.click();
    await page.getByRole('heading', { level: 1, name: 'Make an API key' }).waitFor(SOON);
    await page.getByRole('link', { name: 'key-exists' }).click();
    await page.locator('#problem-key-exists.chosen').getByRole('link', { name: '/v1/keys' }).click();
    await page.getByRole('heading', { level: 1, name: 'Make an API key' }).waitFor(SOON);
    await page.getByLabel('Filter calls').fill('nothing like this');
    await page.getByText('No call has “nothing like this”.').waitFor(SOON);
    expect(faults).toEqual([]);
  });

  it('shows the bounds of numbers, texts and lists', async () => {
    await using opened = await open();
    const { page, visit } = opened;
    const facts = (name: string) => page.locator(`li:has(> code:text-is("${name}"))`);
    await visit('/calls/putTopic', /Create a topic/);
    expect(await facts('size').first().innerText()).toContain('0 to 1,000,000');
    await visit('/calls/readLog', /log/);
    expect(await facts('limit').first().innerText()).toContain('1 to 1,000');
    expect(await facts('topic').first().innerText()).toContain('at most 200 characters');
    await visit('/calls/countPresent', /./);
    expect(await facts('topics').first().innerText()).toContain('1 to 1,000 items');
  });
});

describe('trying a call', () => {
  it('works with the examples as they stand, by the page and by its curl lines', async () => {
    await using opened = await open();
    const { page, visit, faults, asked } = opened;
    const answered = (status: number) => page.locator('.answer .badge', { hasText: String(status) }).waitFor(SOON);
    await visit('/calls/putTopic', /Create a topic/);
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await answered(201);
    for (const [call, status] of [
      ['register', 201],
      ['subscribeTopic', 202],
      ['publish', 202],
      ['readPresence', 200],
      ['createKey', 201],
      ['deleteKey', 200],
      ['isReady', 200],
    ] as const) {
      await visit(`/calls/${call}`, /./);
      await page.getByRole('button', { name: 'Send' }).click();
      await answered(status);
    }
    await visit('/calls/readLog', /./);
    const line = await page.locator('.curl code').innerText();
    const { stdout } = await run('sh', ['-c', `${line} -s`], { env: { ...process.env, HOLDFAST_KEY: key } });
    expect(JSON.parse(stdout)).toMatchObject({ messages: [{ data: { home: 2, away: 1 } }], complete: true });
    expect(asked.filter((url) => url.includes(key.slice(-20)))).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('says why it cannot be sent yet, and shows the problem that it is answered with', async () => {
    await using opened = await open({ fragment: `#key=${key}` });
    const { page, visit } = opened;
    await visit('/calls/drainEdge', /./);
    await page.getByText('Fill in edge.').waitFor(SOON);
    await visit('/calls/putTopic', /./);
    await page.getByLabel('Body (optional)').fill('{"history":');
    await page.getByText('The body is not JSON.').waitFor(SOON);
    await page.getByLabel('Body (optional)').fill('{"history":{"size":-1}}');
    await page.getByRole('button', { name: 'Send' }).click();
    await answer(page).waitFor(SOON);
    expect(await answer(page).innerText()).toContain('body.history.size');
  });

  it('keeps the key in memory only: in no address, no storage, and gone with a reload', async () => {
    await using opened = await open({ fragment: `#key=${key}` });
    const { page, visit, faults } = opened;
    expect(page.url()).not.toContain(key);
    await visit('/calls/listEdges', /./);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.answer .badge', { hasText: '200' }).waitFor(SOON);
    expect(await page.evaluate('sessionStorage.length + localStorage.length + document.cookie.length')).toBe(0);
    await page.reload();
    await page.getByLabel('API key').waitFor(SOON);
    await visit('/calls/readKeys', 'No such call');
    expect(faults).toEqual([]);
  });
});

describe('whoever reads it', () => {
  it.each([
    ['light', WIDE],
    ['dark', WIDE],
    ['light', NARROW],
    ['dark', NARROW],
  ] as const)('finds no fault of axe in %s on %o, and all of it in the window', async (colorScheme, size) => {
    await using opened = await open({ size });
    const { page, visit, faults } = opened;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [route, heading] of [
      ['/start', 'Holdfast Control API'],
      ['/problems/topic-not-found', 'Problems'],
      ['/calls/register', 'Register a client'],
      ['/calls/createKey', 'Make an API key'],
      ['/calls/explain', /Why a client/],
      ['/calls/isAlive', /process/],
    ] as const) {
      await visit(route, heading);
      if (route === '/calls/isAlive') {
        await page.getByRole('button', { name: 'Send' }).click();
        await answer(page).waitFor(SOON);
      }
      expect(await axeFindings(page), `of ${route}`).toEqual([]);
      expect(await tooWide(page), `of ${route}`).toBe(0);
    }
    expect(faults).toEqual([]);
  });

  it('comes everywhere with the keyboard, and begins at the heading of what was chosen', async () => {
    await using opened = await open();
    const { page } = opened;
    await page.getByRole('heading', { level: 1 }).waitFor(SOON);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.getByLabel('Filter calls').focus();
    await page.keyboard.type('unregister a client');
    await page.locator('nav .group a').first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Unregister a client' }).waitFor(SOON);
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('title');
  });
});

describe('the document', () => {
  it('is one that generators make types of, which compile', async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const { body } = await backend.call('GET', '/openapi.json');
    await writeFile(join(path, 'openapi.json'), JSON.stringify(body));
    await writeFile(join(path, 'package.json'), '{"private":true,"type":"module"}');
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...GENERATOR], { cwd: path });
    // What has a default may be left out of a request.
    const generate = ['openapi-typescript', 'openapi.json', '-o', 'api.ts', '--default-non-nullable', 'false'];
    await run('npx', generate, { cwd: path });
    await writeFile(
      join(path, 'use.ts'),
      `import type { components, operations } from './api.ts';
      type Schemas = components['schemas'];
      const topics: Schemas['TopicList'] = ['news.sport'];
      const key: Schemas['NewKey'] = { id: 'mobile', can: { subscribe: ['news.*'] }, maxClients: 5 };
      const body: operations['register']['requestBody'] = { content: { 'application/json': { topics, user: 'ann' } } };
      const answer: Schemas['Topic']['history'] = { size: 1, seconds: 1 };
      // @ts-expect-error: a number is no list of topics
      const wrong: Schemas['TopicList'] = 5;
      export { answer, body, key, wrong };`,
    );
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--allowImportingTsExtensions'];
    expect((await run('npx', ['tsc', ...options, 'use.ts'], { cwd: path })).stdout).toBe('');
  });
});
