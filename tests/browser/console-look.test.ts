import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { NARROW, SOON, WIDE, axeFindings, openConsole, tooWide } from '../e2e/console-page.ts';
import { PATIENCE } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
/** Every view, four times. */
const LOOKS_MS = 180_000;

let browser: TestBrowser;
let backend: Backend & AsyncDisposable;

beforeAll(async () => {
  browser = await startBrowser();
  backend = await startBackend();
  await backend.call('PUT', '/v1/topics/room.lobby', { body: { presence: { by: 'user' }, expireSeconds: 3600 } });
  await backend.topic('news.sport');
  await backend.publish('room.lobby', { text: 'a long line '.repeat(40) });
  const { body } = await backend.call<{ clientId: string }>('POST', '/v1/clients', {
    body: { user: 'ann', topics: ['room.lobby'] },
  });
  await (await backend.connect(body.clientId)).next('welcome');
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(async () => {
  await (backend as AsyncDisposable | undefined)?.[Symbol.asyncDispose]();
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
});

/** A route, and what is there once it has been answered. */
const LOOKS: readonly (readonly [route: string, settled: RegExp])[] = [
  ['/overview', /Redis 1/],
  ['/edges', /Live: 2/],
  ['/topics', /news\.sport/],
  ['/topics?prefix=none', /No topic begins with none/],
  ['/topics/room.lobby', /"text":/],
  ['/topics/room.lobby?tab=live', /Nothing has arrived yet/],
  ['/topics/nowhere', /No such topic exists/],
];

describe('every view', () => {
  it.each([
    ['light', WIDE],
    ['dark', WIDE],
    ['light', NARROW],
    ['dark', NARROW],
  ] as const)(
    'has no fault that axe finds, in %s on %o, and fits the window',
    async (colorScheme, size) => {
      await using opened = await openConsole(browser, backend, { size });
      const { page, visit } = opened;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [route, settled] of LOOKS) {
        await visit(route);
        await page.getByText(settled).first().waitFor(SOON);
        expect(await axeFindings(page), `of ${route}`).toEqual([]);
        expect(await tooWide(page), `of ${route}`).toBe(0);
      }
      await page.getByRole('button', { name: 'Try again' }).waitFor(SOON);
      expect(opened.faults).toEqual([]);
    },
    LOOKS_MS,
  );

  it.each([WIDE, NARROW])('has dialogs and forms without a fault, on %o', async (size) => {
    await using opened = await openConsole(browser, backend, { size, route: '/topics' });
    const { page, visit } = opened;
    await page.getByRole('button', { name: 'Create a topic' }).click();
    await page.getByRole('dialog').waitFor(SOON);
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await visit('/topics/room.lobby');
    await page.getByRole('button', { name: 'Delete room.lobby' }).click();
    await page.getByRole('dialog').waitFor(SOON);
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByText('"text":').click();
    expect(await axeFindings(page)).toEqual([]);
    expect(await tooWide(page)).toBe(0);
    expect(opened.faults).toEqual([]);
  });

  it('asks for a key without a fault, light, dark and narrow', async () => {
    await using opened = await openConsole(browser, backend);
    const { page } = opened;
    await page.getByRole('button', { name: 'Forget it' }).click();
    await page.getByLabel('API key').fill('no.key');
    await page.keyboard.press('Enter');
    await page.getByText('The API key is not known.').waitFor(SOON);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const size of [WIDE, NARROW]) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme });
        expect(await axeFindings(page)).toEqual([]);
        expect(await tooWide(page)).toBe(0);
      }
    }
    expect(opened.faults).toEqual([]);
  });
});

it('on a narrow screen the views are behind a button, which a step to another closes', async () => {
  await using opened = await openConsole(browser, backend, { size: NARROW, route: '/overview' });
  const { page, heading } = opened;
  await heading('Overview');
  const menu = page.getByRole('button', { name: 'Overview' });
  expect(await menu.getAttribute('aria-expanded')).toBe('false');
  await menu.click();
  expect(await axeFindings(page)).toEqual([]);
  await page.getByRole('link', { name: 'Edges', exact: true }).click();
  await heading('Edges');
  await eventually(async () => {
    expect(await page.getByRole('link', { name: 'Topics' }).isVisible()).toBe(false);
  }, PATIENCE);
  expect(opened.faults).toEqual([]);
});
