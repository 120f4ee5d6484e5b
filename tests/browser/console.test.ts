import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { SOON, openConsole, trendValue } from '../e2e/console-page.ts';
import { PATIENCE } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;

let browser: TestBrowser;
let backend: Backend & AsyncDisposable;

beforeAll(async () => {
  browser = await startBrowser();
  backend = await startBackend();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(async () => {
  await (backend as AsyncDisposable | undefined)?.[Symbol.asyncDispose]();
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
});

describe('the key of the console', () => {
  it('leaves the address at once, stays in the tab, travels in no URL, and is forgotten', async () => {
    await using opened = await openConsole(browser, backend);
    const { page, asked, heading } = opened;
    await heading('Overview');
    const { key, controlUrl } = backend.installation;
    expect(page.url()).toBe(`${controlUrl}/console#/overview`);
    await page.reload();
    await heading('Overview');
    await page.getByRole('button', { name: 'Forget it' }).click();
    await page.getByLabel('API key').waitFor(SOON);
    await page.reload();
    await page.getByLabel('API key').waitFor(SOON);
    expect(asked.filter((url) => url.includes(key.slice(-20)))).toEqual([]);
    expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([controlUrl]));
    await page.goBack();
    expect(page.url()).not.toContain(key);
    expect(opened.faults).toEqual([]);
  });

  it('is asked for, and a wrong one refused with the reason', async () => {
    await using opened = await openConsole(browser, backend);
    const { page, heading } = opened;
    await page.getByRole('button', { name: 'Forget it' }).click();
    const field = page.getByLabel('API key');
    for (const [typed, reason] of [
      ['unknown.secret', 'The API key is not known.'],
      ['two words', 'A key is <id>.<secret>, without spaces.'],
    ] as const) {
      await field.fill(typed);
      await page.keyboard.press('Enter');
      await page.getByText(reason).waitFor(SOON);
    }
    await field.fill(backend.installation.key);
    await page.keyboard.press('Enter');
    await heading('Overview');
    expect(opened.faults).toEqual([]);
  });

  it('leaves the address also when it is refused, and is taken from one that is opened later', async () => {
    await using page = await browser.newPage();
    const { controlUrl, key } = backend.installation;
    await page.goto(`${controlUrl}/console#key=no.such`);
    await page.getByText('The API key is not known.').waitFor(SOON);
    expect(page.url()).toBe(`${controlUrl}/console`);
    await page.goto(`${controlUrl}/console#key=${key}`);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor(SOON);
    expect(page.url()).toBe(`${controlUrl}/console#/overview`);
  });

  it('is forgotten with all that the page knows', async () => {
    await using opened = await openConsole(browser, backend);
    const { page, heading } = opened;
    await heading('Overview');
    await page.evaluate('window.known = true');
    await page.getByRole('button', { name: 'Forget it' }).click();
    await page.getByLabel('API key').waitFor(SOON);
    expect(await page.evaluate('window.known')).toBeUndefined();
    expect(opened.faults).toEqual([]);
  });

  it('is asked about before a link brings another', async () => {
    const can = { subscribe: ['**'] };
    const { presented } = await createKey(backend.installation.keysFile, { id: 'other', can });
    await eventually(async () => {
      expect((await backend.call('GET', '/v1/key', { key: presented })).status).toBe(200);
    }, PATIENCE);
    await using opened = await openConsole(browser, backend, { route: '/edges' });
    const { page, heading, visit } = opened;
    await heading('Edges');
    const dialog = page.getByRole('dialog', { name: 'Use another API key?' });
    for (const next of ['Keep the key', 'Use the other key']) {
      await visit(`key=${presented}`);
      await dialog.waitFor(SOON);
      expect(page.url()).toBe(`${backend.installation.controlUrl}/console#/edges`);
      expect(await dialog.innerText()).not.toContain(presented);
      await heading('Edges');
      await dialog.getByRole('button', { name: next }).click();
      await dialog.waitFor({ state: 'hidden', ...SOON });
    }
    await page.getByText('This key may not see this view.').waitFor(SOON);
    // Also where the page is loaded anew, and the tab has a key.
    await page.goto('about:blank');
    await page.goto(`${backend.installation.controlUrl}/console#key=${backend.installation.key}`);
    await dialog.waitFor(SOON);
    await dialog.getByRole('button', { name: 'Use the other key' }).click();
    await page.getByText('local', { exact: true }).waitFor(SOON);
    await visit('/overview');
    await heading('Overview');
    expect(opened.faults).toEqual([]);
  });

  it('is the one that came last, whichever is answered first', async () => {
    await using page = await browser.newPage();
    const { controlUrl, key } = backend.installation;
    await page.goto(`${controlUrl}/console`);
    await page.getByLabel('API key').waitFor(SOON);
    const release = Promise.withResolvers<undefined>();
    const first = Promise.withResolvers<undefined>();
    await page.route('**/v1/key', async (route) => {
      if (route.request().headers()['x-api-key'] !== key) return route.continue();
      first.resolve(undefined);
      await release.promise;
      return route.continue();
    });
    await page.goto(`${controlUrl}/console#key=${key}`);
    await first.promise;
    await page.goto(`${controlUrl}/console#key=no.such`);
    await page.getByText('The API key is not known.').waitFor(SOON);
    const answered = page.waitForResponse((response) => response.url().endsWith('/v1/key'));
    release.resolve(undefined);
    await (await answered).finished();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.getByText('The API key is not known.').waitFor(SOON);
  });

  it('without manage shows topics and what it may do there, and names the rights that it lacks', async () => {
    await backend.topic('limited.read');
    await backend.topic('limited.none');
    const { presented } = await createKey(backend.installation.keysFile, {
      id: 'reader',
      can: { subscribe: ['limited.read'] },
    });
    await eventually(async () => {
      expect((await backend.call('GET', '/v1/key', { key: presented })).status).toBe(200);
    }, PATIENCE);
    const id = await backend.publish('limited.read', 'seen');
    await using opened = await openConsole(browser, backend, { key: presented });
    const { page, asked, heading, visit } = opened;
    await heading('Topics');
    await page.getByRole('link', { name: 'limited.read' }).click();
    await page.getByText('"seen"').click();
    await page.getByText(id).first().waitFor(SOON);
    for (const name of ['Publish', 'Delete limited.read', 'Settings']) {
      expect(await page.getByRole('button', { name }).getAttribute('aria-disabled')).toBe('true');
    }
    await page.getByRole('link', { name: 'Watch live' }).click();
    await page.getByText('This key may not watch the topic.').waitFor(SOON);
    await visit('/topics/limited.none');
    await page.getByText('This key may not read the history.').waitFor(SOON);
    for (const view of ['overview', 'edges', 'clients', 'keys', 'doctor']) {
      await visit(`/${view}`);
      await page.getByText('This key may not see this view.').waitFor(SOON);
      await page.getByText('"manage":').first().waitFor(SOON);
    }
    expect(asked.filter((url) => /\/v1\/(edges|capacity)/.test(url))).toEqual([]);
    expect(opened.faults).toEqual([]);
  });
});

describe('the overview', () => {
  it('follows the installation', async () => {
    await backend.topic('followed');
    await using opened = await openConsole(browser, backend, { route: '/overview' });
    const { page } = opened;
    const connections = async () => Number(await trendValue(page, 'Connections'));
    await eventually(async () => expect(await connections()).toBe(0), PATIENCE);
    const clients = await Promise.all([1, 2, 3].map(() => backend.register(['followed'])));
    const sockets = await Promise.all(clients.map((client, edge) => backend.connect(client, { edge: edge % 2 })));
    await eventually(async () => expect(await connections()).toBe(3), PATIENCE);
    await eventually(async () => {
      await backend.publish('followed', 'now');
      expect(Number(await trendValue(page, 'Deliveries'))).toBeGreaterThan(0);
      expect(Number(await trendValue(page, 'Publishes'))).toBeGreaterThan(0);
    }, PATIENCE);
    await page.getByRole('img', { name: /^Connections, the last ten minutes: connections 3$/ }).waitFor(SOON);
    await page.getByRole('table', { name: 'Redis servers' }).waitFor(SOON);
    await Promise.all(sockets.map((socket) => socket.close()));
    await eventually(async () => expect(await connections()).toBe(0), PATIENCE);
    expect(opened.faults).toEqual([]);
  });
});

describe('edges', () => {
  it('are drained, watched while they empty, and opened again, each asked about once more', async () => {
    await using opened = await openConsole(browser, backend, { route: '/edges' });
    const { page } = opened;
    const client = await backend.register([]);
    const socket = await backend.connect(client, { edge: 0 });
    const host = new URL(backend.installation.edgeUrls[0] ?? '').host;
    const row = page.getByRole('row').filter({ hasText: host });
    await row.getByText('Open', { exact: true }).waitFor(SOON);
    await eventually(async () => {
      expect(await row.getByRole('cell').nth(1).innerText()).toMatch(/^1\s/);
    }, PATIENCE);

    await row.getByRole('button', { name: /^Drain/ }).click();
    const dialog = page.getByRole('dialog', { name: /^Drain .*\?$/ });
    await dialog.getByText(/curl -X POST .*\/drain/).waitFor(SOON);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden', ...SOON });
    await row.getByText('Open', { exact: true }).waitFor(SOON);

    await row.getByRole('button', { name: /^Drain/ }).click();
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await page
      .getByRole('status')
      .getByText(/is being drained/)
      .waitFor(SOON);
    expect(await socket.closed).toMatchObject({ code: 1012 });
    await row.getByText('Drained').waitFor(SOON);

    await row.getByRole('link').click();
    await page.getByRole('button', { name: /^Open .* again$/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Open again' }).click();
    await page.getByRole('region', { name: 'Now' }).getByText('Open', { exact: true }).waitFor(SOON);
    const again = await backend.connect(client, { edge: 0 });
    await again.next('welcome');
    await again.close();
    expect(opened.faults).toEqual([]);
  });
});

describe('topics', () => {
  it('are created, found by how they begin, changed and deleted', async () => {
    await using opened = await openConsole(browser, backend, { route: '/topics' });
    const { page, heading } = opened;
    await page.getByRole('button', { name: 'Create a topic' }).click();
    const dialog = page.getByRole('dialog', { name: 'Create a topic' });
    await dialog.getByLabel('Name').fill('made here');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog
      .getByText(/must be segments of/)
      .first()
      .waitFor(SOON);
    await dialog.getByLabel('Name').fill('made.here');
    await dialog.getByLabel('Messages kept').fill('7');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await heading('made.here');
    expect((await backend.call('GET', '/v1/topics/made.here')).body).toMatchObject({
      history: { size: 7, seconds: 300 },
      presence: null,
    });

    await page.getByRole('button', { name: 'Settings' }).click();
    const settings = page.getByRole('dialog', { name: 'Settings of made.here' });
    await settings.getByLabel('Presence').selectOption('user');
    await settings.getByLabel('Expires when unused for, in seconds').fill('3600');
    await settings.getByRole('button', { name: 'Save' }).click();
    await page.getByText('No member is here.').waitFor(SOON);
    expect((await backend.call('GET', '/v1/topics/made.here')).body).toMatchObject({
      history: { size: 7, seconds: 300 },
      expireSeconds: 3600,
      presence: { by: 'user' },
    });

    await page.getByRole('link', { name: 'Topics' }).first().click();
    const find = page.getByLabel('Find by the beginning of the name');
    await find.fill('made.');
    await eventually(async () => {
      expect(await page.getByRole('rowheader').allInnerTexts()).toEqual(['made.here']);
    }, PATIENCE);
    await page.reload();
    await eventually(async () => expect(await find.inputValue()).toBe('made.'), PATIENCE);
    await find.fill('no.such');
    await page.getByText('No topic begins with no.such.').waitFor(SOON);
    await find.fill('made.');
    await page.getByRole('link', { name: 'made.here' }).click();

    await page.getByRole('button', { name: 'Delete made.here' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await heading('Topics');
    expect((await backend.call('GET', '/v1/topics/made.here')).status).toBe(404);
    expect(opened.faults).toEqual([]);
  });

  it('show their history page by page, forwards and back, with numbers as they were published', async () => {
    await backend.topic('paged', { size: 200 });
    const ids: string[] = [];
    for (let n = 0; n < 120; n++) ids.push(await backend.publish('paged', { n }));
    await backend.call('POST', '/v1/topics/paged/messages', { rawBody: '{"big":12345678901234567890}' });
    await using opened = await openConsole(browser, backend, { route: '/topics/paged' });
    const { page } = opened;
    const list = page.getByRole('list', { name: 'Messages of paged' });
    const first = () => list.getByRole('listitem').first().innerText();
    const begins = (n: number) => eventually(async () => expect(await first()).toContain(`{"n":${n}}`), PATIENCE);
    await begins(0);
    await page.getByRole('button', { name: 'Newer' }).click();
    await begins(50);
    await page.getByRole('button', { name: 'Newer' }).click();
    await begins(100);
    expect(await list.getByRole('listitem').count()).toBe(21);
    await list.getByText('{"big":12345678901234567890}').waitFor(SOON);
    expect(await page.getByRole('button', { name: 'Newer' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: 'Older' }).click();
    await begins(50);
    expect(opened.faults).toEqual([]);
  });

  it('take a message, and the curl line beside it publishes the same', async () => {
    await backend.topic('told', { size: 10 });
    const client = await backend.register(['told']);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    await using opened = await openConsole(browser, backend, { route: '/topics/told' });
    const { page } = opened;
    const card = page.getByRole('region', { name: 'Publish' });
    await card.getByLabel('Message').fill(`{"it's": "$HOME`);
    await card.getByRole('button', { name: 'Publish' }).click();
    await card.getByText(/^Not JSON/).waitFor(SOON);
    await card.getByLabel('Message').fill(`{"it's": "$HOME"}`);
    await card.getByRole('button', { name: 'Publish' }).click();
    await card.getByText('Published as').waitFor(SOON);
    expect(await socket.next('message')).toMatchObject({ topic: 'told', data: { "it's": '$HOME' } });

    const line = await card.locator('.curl code').innerText();
    expect(line).not.toContain(backend.installation.key);
    const env = { PATH: process.env['PATH'], HOLDFAST_KEY: backend.installation.key };
    await promisify(execFile)('/bin/sh', ['-c', `${line} --silent --fail`], { env });
    expect(await socket.next('message')).toMatchObject({ topic: 'told', data: { "it's": '$HOME' } });
    await socket.close();
    expect(opened.faults).toEqual([]);
  });

  it('show who is here', async () => {
    await backend.call('PUT', '/v1/topics/lobby', { body: { presence: { by: 'user' } } });
    const { body } = await backend.call<{ clientId: string }>('POST', '/v1/clients', {
      body: { user: 'ann', info: { on: 'web' }, topics: ['lobby'] },
    });
    await using opened = await openConsole(browser, backend, { route: '/topics/lobby' });
    const { page } = opened;
    await page.getByText('No member is here.').waitFor(SOON);
    const socket = await backend.connect(body.clientId);
    const card = page.getByRole('region', { name: 'Who is here' });
    await card.getByText('ann', { exact: true }).waitFor(SOON);
    await card.getByText('{"on":"web"}').waitFor(SOON);
    await socket.close();
    await page.getByText('No member is here.').waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });

  it('that do not exist are said to be unknown, with what to do', async () => {
    await using opened = await openConsole(browser, backend, { route: '/topics/nowhere' });
    await opened.page.getByText('No such topic exists').waitFor(SOON);
    await opened.page.getByRole('button', { name: 'Try again' }).waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });
});

describe('the keyboard', () => {
  it('reaches the content first, every view, and the focus follows a step to another', async () => {
    await using opened = await openConsole(browser, backend, { route: '/topics' });
    const { page, heading } = opened;
    await heading('Topics');
    await page.reload();
    await heading('Topics');
    const focused = () => page.evaluate<string>('document.activeElement.textContent');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Create a topic');
    await page.getByRole('link', { name: 'Edges' }).focus();
    await page.keyboard.press('Enter');
    await heading('Edges');
    await eventually(async () => expect(await focused()).toBe('Edges'), PATIENCE);
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    expect(opened.faults).toEqual([]);
  });
});
