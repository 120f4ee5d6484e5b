import { eventually } from '@holdfast/testkit/eventually';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { SOON, openConsole } from '../e2e/console-page.ts';
import { startDurableRedis } from '../e2e/durable-redis.ts';
import { PATIENCE } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
/** Its lease runs out, those that died are looked for every 10 s, and the page asks every few seconds. */
const EDGE_DEATH = { timeout: 60_000 };
/** An edge's death is noticed after its lease, a Redis that is back within seconds. */
const FAULTS_MS = 120_000;

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(() => (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]());

describe('watching a topic live', () => {
  it('is a client of minutes, shows what arrives, the newest first, and goes when the page is left', async () => {
    await using backend = await startBackend({ edges: 1 });
    await backend.topic('watched');
    await using opened = await openConsole(browser, backend, { route: '/topics/watched?tab=live' });
    const { page, visit } = opened;
    await isLive(page);
    expect(await watchers(backend)).toMatchObject([
      { name: expect.stringMatching(/^console-/), topics: ['watched'], connected: true },
    ]);
    for (const n of [1, 2, 3]) await backend.publish('watched', { n });
    await shows(page, ['{"n":3}', '{"n":2}', '{"n":1}']);
    await backend.call('POST', '/v1/topics/watched/messages', { rawBody: '{"exact":1.0}' });
    await shows(page, ['{"exact":1.0}', '{"n":3}', '{"n":2}', '{"n":1}']);

    await page.getByLabel('Only messages with this text').fill('"n":2');
    await shows(page, ['{"n":2}']);
    await page.getByLabel('Only messages with this text').fill('');
    await page.getByRole('button', { name: 'Pause' }).click();
    await backend.publish('watched', 'while it is paused');
    await page.getByText(/5 received, paused/).waitFor(SOON);
    await shows(page, ['{"exact":1.0}', '{"n":3}', '{"n":2}', '{"n":1}']);
    await page.getByRole('button', { name: 'Pause' }).click();
    await shows(page, ['"while it is paused"', '{"exact":1.0}', '{"n":3}', '{"n":2}', '{"n":1}']);
    await page.getByRole('button', { name: 'Clear' }).click();
    await shows(page, []);

    await visit('/topics/watched');
    await eventually(async () => expect(await watchers(backend)).toEqual([]), PATIENCE);
    await visit('/topics/watched?tab=live');
    await isLive(page);
    await page.goto('about:blank');
    await eventually(async () => expect(await watchers(backend)).toEqual([]), PATIENCE);
    expect(opened.faults).toEqual([]);
  });

  it('keeps the last 500 messages', async () => {
    await using backend = await startBackend({ edges: 1 });
    await backend.topic('many', { size: 1000 });
    await using opened = await openConsole(browser, backend, { route: '/topics/many?tab=live' });
    const { page } = opened;
    await isLive(page);
    const messages = Array.from({ length: 600 }, (_, n) => ({ topics: ['many'], data: n }));
    expect((await backend.call('POST', '/v1/messages', { body: { messages } })).status).toBe(202);
    await page.getByText('600 received').waitFor(SOON);
    await eventually(async () => {
      const shown = await shownMessages(page);
      expect([shown.length, shown[0], shown.at(-1)]).toEqual([500, '599', '100']);
    }, PATIENCE);
    expect(opened.faults).toEqual([]);
  });

  it('says which variable and value an edge needs that refuses pages of this origin', async () => {
    await using backend = await startBackend({ edges: 1, env: { EDGE_ALLOWED_ORIGINS: 'https://app.example.com' } });
    await backend.topic('refused');
    await using opened = await openConsole(browser, backend, { route: '/topics/refused?tab=live' });
    const { page } = opened;
    await page.getByText(/does not let this page connect/).waitFor(SOON);
    await page.getByText('EDGE_ALLOWED_ORIGINS').waitFor(SOON);
    await page.getByText(backend.installation.controlUrl, { exact: true }).waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });

  it('says so when an operator disconnects it, and watches again', async () => {
    await using backend = await startBackend({ edges: 1 });
    await backend.topic('cut');
    await using opened = await openConsole(browser, backend, { route: '/topics/cut?tab=live' });
    const { page } = opened;
    await isLive(page);
    const [watcher] = await watchers(backend);
    expect((await backend.call('POST', `/v1/clients/${watcher?.ref}/disconnect`)).status).toBe(202);
    await page.getByText('An operator disconnected it.').waitFor(SOON);
    await page.getByRole('button', { name: 'Watch again' }).click();
    await isLive(page);
    expect(opened.faults).toEqual([]);
  });
});

describe('while something fails', () => {
  it(
    'an edge that is killed is shown as died, and a live view goes on at another with nothing missed',
    async () => {
      await using backend = await startBackend();
      await backend.topic('through');
      await using live = await openConsole(browser, backend, { route: '/topics/through?tab=live' });
      await using edges = await openConsole(browser, backend, { route: '/edges' });
      await isLive(live.page);
      await edges.page.getByRole('heading', { name: 'Live: 2' }).waitFor(SOON);
      await backend.publish('through', 'before');
      await shows(live.page, ['"before"']);
      const { edgeUrls, edges: processes } = backend.installation;
      const host = await liveHost(live.page);
      const index = edgeUrls.findIndex((url) => new URL(url).host === host);
      processes[index]?.kill('SIGKILL');
      await backend.publish('through', 'meanwhile');
      await eventually(async () => expect(await liveHost(live.page)).not.toBe(host), PATIENCE);
      await backend.publish('through', 'after');
      await shows(live.page, ['"after"', '"meanwhile"', '"before"']);

      await edges.page.getByRole('heading', { name: 'Gone: 1' }).waitFor(EDGE_DEATH);
      const gone = edges.page.getByRole('table', { name: 'Edges that are gone' });
      await gone.getByText('Died').waitFor(SOON);
      await gone.getByText(host).waitFor(SOON);
      await edges.page.getByRole('heading', { name: 'Live: 1' }).waitFor(SOON);
      await edges.visit('/overview');
      await edges.page.getByText(/One edge in the last ten minutes/).waitFor(SOON);
      for (const opened of [live, edges]) expect(opened.faults).toEqual([]);
    },
    FAULTS_MS,
  );

  it(
    'a Redis that is away is named, what was shown stays, and everything goes on when it is back',
    async () => {
      await using redis = await startDurableRedis();
      await using backend = await startBackend({ redis });
      await backend.topic('kept');
      await backend.publish('kept', 'before');
      await using live = await openConsole(browser, backend, { route: '/topics/kept?tab=live' });
      await using edges = await openConsole(browser, backend, { route: '/edges' });
      await isLive(live.page);
      await edges.page.getByRole('heading', { name: 'Live: 2' }).waitFor(SOON);

      await redis.kill();
      await edges.page.getByText('Redis does not answer.').waitFor(SOON);
      await edges.page.getByRole('heading', { name: 'Live: 2' }).waitFor(SOON);
      await live.page
        .getByText(/Not up to date/)
        .first()
        .waitFor(SOON);
      const card = live.page.getByRole('region', { name: 'Publish' });
      await card.getByRole('button', { name: 'Publish' }).click();
      await card.getByRole('alert').getByText('Redis does not answer').waitFor(SOON);
      await isLive(live.page);

      await redis.startAgain();
      await edges.page.getByText('Redis does not answer.').waitFor({ state: 'hidden', timeout: 30_000 });
      await eventually(async () => {
        await card.getByRole('button', { name: 'Publish' }).click();
        await card.getByText('Published as').waitFor({ timeout: 1_000 });
      }, PATIENCE);
      await live.page
        .getByRole('list', { name: /^Messages of kept/ })
        .getByText('{"hello":"world"}')
        .first()
        .waitFor(SOON);
      await live.page.getByText(/Not up to date/).waitFor({ state: 'hidden', ...SOON });
      for (const opened of [live, edges]) expect(opened.faults).toEqual([]);
    },
    FAULTS_MS,
  );

  it(
    'a control-api that is away is named, and asked again until it is back',
    async () => {
      await using backend = await startBackend({ edges: 1 });
      await using opened = await openConsole(browser, backend, { route: '/overview' });
      const { page, heading } = opened;
      const [control] = backend.installation.controls;
      await page.getByRole('table', { name: 'Redis servers' }).waitFor(SOON);
      control?.kill('SIGKILL');
      await control?.exited;
      await page.getByText('control-api does not answer.').waitFor(SOON);
      await control?.startAgain();
      await page.getByText('control-api does not answer.').waitFor({ state: 'hidden', timeout: 30_000 });
      await page.reload();
      await heading('Overview');
      expect(opened.faults).toEqual([]);
    },
    FAULTS_MS,
  );
});

async function isLive(page: Page): Promise<void> {
  await page.getByRole('region', { name: 'Live' }).getByRole('status').getByText('Live').waitFor(SOON);
}

/** The edge that the live view is connected to; empty while it is not. */
async function liveHost(page: Page): Promise<string> {
  const state = await page.getByRole('region', { name: 'Live' }).getByRole('status').innerText();
  return /\S+:\d+/.exec(state)?.[0] ?? 'none';
}

function shownMessages(page: Page): Promise<string[]> {
  return page
    .getByRole('list', { name: /^Messages of/ })
    .locator('summary code')
    .allInnerTexts();
}

async function shows(page: Page, messages: readonly string[]): Promise<void> {
  await eventually(async () => expect(await shownMessages(page)).toEqual(messages), PATIENCE);
}

interface Listed {
  readonly name: string | null;
  readonly ref: string;
}

/** The clients that consoles have registered. */
async function watchers(backend: Backend): Promise<Listed[]> {
  const { body } = await backend.call<{ clients: Listed[] }>('GET', '/v1/clients');
  return body.clients.filter(({ name }) => name?.startsWith('console-'));
}
