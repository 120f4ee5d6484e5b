import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { NARROW, SOON, WIDE, axeFindings, openConsole, tooWide } from '../e2e/console-page.ts';
import { PATIENCE } from '../e2e/readme-page.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
const DAY_MS = 86_400_000;
/** Every view, in one look. */
const LOOKS_MS = 180_000;

interface Registered {
  clientId: string;
}

let browser: TestBrowser;
let backend: Backend;
const started = new AsyncDisposableStack();
/** What the receiver of webhooks answers with, by path. */
const answers = new Map<string, number>();

beforeAll(async () => {
  browser = started.use(await startBrowser());
  const { path } = started.use(await temporaryDirectory());
  const file = join(path, 'webhooks.json');
  const receiver = createServer((request, response) => {
    response.statusCode = answers.get(request.url ?? '') ?? 204;
    request.resume().on('end', () => response.end(response.statusCode === 204 ? undefined : 'the database is down'));
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  started.defer(() => {
    receiver.close();
    receiver.closeAllConnections();
  });
  const { port } = receiver.address() as AddressInfo;
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const endpoints = ['good', 'gone'].map((id) => ({
    id,
    url: `http://127.0.0.1:${port}/${id}`,
    secret,
    types: ['client.*'],
  }));
  answers.set('/gone', 410);
  await writeFile(file, JSON.stringify({ endpoints }));
  backend = started.use(await startBackend({ env: { WEBHOOKS_FILE: file, WEBHOOKS_ALLOW_PRIVATE: '1' } }));
}, BROWSER_INSTALLATION_MS);
afterAll(() => started.disposeAsync());

async function register(body: object): Promise<{ clientId: string; ref: string }> {
  const { clientId } = (await backend.call<Registered>('POST', '/v1/clients', { body })).body;
  const { ref } = (await backend.call<{ ref: string }>('GET', `/v1/clients/${clientId}`)).body;
  return { clientId, ref };
}

describe('clients', () => {
  it('are found by ref, UUID, name and user, and no UUID stands in the address or in a curl line', async () => {
    const { clientId, ref } = await register({ name: 'a phone', user: 'zoe', topics: [] });
    await using opened = await openConsole(browser, backend, { route: '/clients' });
    const { page, heading, visit } = opened;
    const find = page.getByLabel('Find a client');
    for (const sought of [ref, clientId]) {
      await visit('/clients');
      await find.fill(sought);
      await page.keyboard.press('Enter');
      await heading('a phone');
      expect(page.url()).toContain(`#/clients/${ref}`);
      await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('clients/$CLIENT_ID/topics').waitFor(SOON);
      expect(await dialog.innerText()).not.toContain(clientId);
      await page.keyboard.press('Escape');
    }
    for (const sought of ['a phone', 'zoe']) {
      await visit('/clients');
      await find.fill(sought);
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: ref }).click();
      await heading('a phone');
    }
    await visit('/clients');
    await find.fill('00000000-0000-4000-8000-000000000000');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('client-not-found').waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });

  it('are listed page by page, forwards and back', async () => {
    await Promise.all(Array.from({ length: 60 }, () => backend.register([])));
    await using opened = await openConsole(browser, backend, { route: '/clients' });
    const { page } = opened;
    const refs = () => page.getByRole('rowheader').allInnerTexts();
    await eventually(async () => expect(await refs()).toHaveLength(50), PATIENCE);
    const first = await refs();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Page 2').waitFor(SOON);
    await eventually(async () => {
      const second = await refs();
      expect(second.length).toBeGreaterThan(9);
      expect(second.filter((ref) => first.includes(ref))).toEqual([]);
    }, PATIENCE);
    await page.getByRole('button', { name: 'Previous' }).click();
    await eventually(async () => expect(await refs()).toEqual(first), PATIENCE);
    expect(opened.faults).toEqual([]);
  });

  it('show what they are subscribed to against what is served, and are subscribed, disconnected and unregistered', async () => {
    await backend.topic('shown.one');
    await backend.topic('shown.two');
    const { clientId, ref } = await register({ topics: ['shown.one'] });
    await using opened = await openConsole(browser, backend, { route: `/clients/${ref}` });
    const { page, heading } = opened;
    const row = (topic: string) => page.getByRole('row').filter({ hasText: topic });
    await row('shown.one').getByText('Waits').waitFor(SOON);
    await page.getByText('No connection of it has ended').waitFor(SOON);

    const socket = await backend.connect(clientId);
    await socket.next('welcome');
    await row('shown.one').getByText('Served').waitFor(SOON);
    const id = await backend.publish('shown.one', 1);
    await row('shown.one').getByText(id).waitFor(SOON);
    await row('shown.one').getByText('up to date').waitFor(SOON);

    await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
    const subscribe = page.getByRole('dialog', { name: 'Subscribe to topics' });
    await subscribe.getByLabel('Topics').fill('shown.none');
    await page.keyboard.press('Enter');
    await subscribe.getByRole('alert').getByText('topic-not-found').waitFor(SOON);
    await subscribe.getByLabel('Topics').fill('shown.two');
    await page.keyboard.press('Enter');
    await row('shown.two').getByText('Served').waitFor(SOON);

    await page.getByRole('button', { name: 'Unsubscribe from shown.one' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unsubscribe' }).click();
    await row('shown.one').waitFor({ state: 'hidden', ...SOON });
    const { body } = await backend.call('GET', `/v1/clients/${clientId}`);
    expect(body).toMatchObject({ topics: ['shown.two'] });

    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    expect(await socket.closed).toMatchObject({ code: 4403 });
    await page.getByRole('table', { name: 'Past connections of the client' }).waitFor(SOON);

    await page.getByRole('button', { name: 'Unregister' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unregister' }).click();
    await heading('Clients');
    expect((await backend.call('GET', `/v1/clients/${clientId}`)).status).toBe(404);
    expect(opened.faults).toEqual([]);
  });

  it('of another key are seen by one that manages something, which sees what it lacks to change them', async () => {
    const { ref } = await register({ topics: [] });
    const { presented } = await createKey(backend.installation.keysFile, { id: 'partly', can: { manage: ['some.*'] } });
    await eventually(async () => {
      expect((await backend.call('GET', '/v1/key', { key: presented })).status).toBe(200);
    }, PATIENCE);
    await using opened = await openConsole(browser, backend, { route: `/clients/${ref}`, key: presented });
    const { page } = opened;
    for (const name of ['Disconnect', 'Unregister']) {
      const button = page.getByRole('button', { name });
      await button.waitFor(SOON);
      expect(await button.getAttribute('aria-disabled')).toBe('true');
      expect(await button.getAttribute('title')).toContain('"manage": ["**"]');
    }
    expect(await page.getByRole('button', { name: 'Subscribe' }).getAttribute('title')).toContain('UUID');
    expect(opened.faults).toEqual([]);
  });
});

describe('users', () => {
  it('are found, sent a message, disconnected, and their tokens revoked', async () => {
    const { clientId, ref } = await register({ user: 'ann lee', topics: [] });
    const socket = await backend.connect(clientId);
    await socket.next('welcome');
    await using opened = await openConsole(browser, backend, { route: '/users' });
    const { page, heading } = opened;
    await page.getByLabel('Find a user').fill('ann lee');
    await page.keyboard.press('Enter');
    await heading('ann lee');
    await page.getByRole('region', { name: 'State' }).getByText('Connected').waitFor(SOON);
    await page.getByRole('link', { name: ref }).waitFor(SOON);

    await page.getByRole('button', { name: 'Send a message' }).click();
    const send = page.getByRole('dialog', { name: 'Send a message to ann lee' });
    await send.getByLabel('Message').fill('{"n":12345678901234567890}');
    await send.getByText('/v1/users/ann%20lee/messages').waitFor(SOON);
    await send.getByRole('button', { name: 'Send' }).click();
    expect(await socket.next('message')).toMatchObject({ topic: '@user' });

    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    expect(await socket.closed).toMatchObject({ code: 4403 });
    await page.getByRole('region', { name: 'State' }).getByText('Offline').waitFor(SOON);

    await page.getByRole('button', { name: 'Revoke tokens' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke tokens' }).click();
    await page.getByText('clients whose authorization ended: 0').waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });
});

describe('explain', () => {
  it('leads from a message to its verdict, in words and with the evidence', async () => {
    await backend.topic('asked');
    const here = await register({ name: 'who is here', topics: ['asked'] });
    await register({ name: 'who is away', topics: ['asked'] });
    const socket = await backend.connect(here.clientId);
    await socket.next('welcome');
    const id = await backend.publish('asked', { question: 1 });
    await socket.next('message');
    await using opened = await openConsole(browser, backend, { route: '/topics/asked' });
    const { page, heading } = opened;
    await page.getByText('{"question":1}').click();
    await page.getByRole('link', { name: 'Who got it?' }).click();
    await heading('Explain');
    expect(await page.getByLabel('Message').inputValue()).toBe(id);
    for (const [name, verdict] of [
      ['who is here', 'It was delivered.'],
      ['who is away', 'It waits until the client comes back.'],
    ] as const) {
      await page.getByLabel('Client').fill(name);
      // An edge, or what it has noted, may be a moment behind.
      await eventually(async () => {
        await page.getByRole('button', { name: 'Explain' }).click();
        await page.getByRole('status').getByText(verdict).waitFor({ timeout: 2_000 });
      }, PATIENCE);
    }
    await page
      .getByRole('region', { name: 'Evidence' })
      .getByText(`The message ${id} of asked was published`)
      .waitFor(SOON);
    await page.getByLabel('Client').fill('no such name');
    await page.keyboard.press('Enter');
    await page.getByText('No client of this API key has that name').waitFor(SOON);
    await socket.close();
    expect(opened.faults).toEqual([]);
  });
});

describe('API keys', () => {
  it('are shown with their rights, their use of their limits and their end', async () => {
    const { presented } = await createKey(backend.installation.keysFile, {
      id: 'shop',
      can: { register: true, subscribe: ['orders.**'] },
      maxClients: 2,
      expiresAt: new Date(Date.now() + 3 * DAY_MS).toISOString(),
    });
    await eventually(async () => {
      const { status } = await backend.call('POST', '/v1/clients', { key: presented, body: {} });
      expect(status).toBe(201);
    }, PATIENCE);
    await using opened = await openConsole(browser, backend, { route: '/keys' });
    const { page } = opened;
    const card = page.getByRole('region', { name: 'shop' });
    await card.getByText('orders.**').waitFor(SOON);
    expect(await card.getByRole('meter', { name: 'Clients' }).getAttribute('aria-valuenow')).toBe('50');
    await card.getByText(/^ends in 2 d/).waitFor(SOON);
    await card.getByText(/^Last used/).waitFor(SOON);
    await page.getByRole('region', { name: 'local' }).getByText("this page's").waitFor(SOON);
    expect(await page.content()).not.toContain(presented.split('.')[1]);
    expect(opened.faults).toEqual([]);
  });
});

describe('webhooks', () => {
  it('are tried with what the endpoint answers, repeated, and enabled again', async () => {
    const { clientId } = await register({ topics: [] });
    await (await backend.connect(clientId)).close();
    await using opened = await openConsole(browser, backend, { route: '/webhooks' });
    const { page, heading, visit } = opened;
    const state = (id: string) => page.getByRole('row').filter({ hasText: id });
    await state('gone').getByText('Disabled').waitFor(SOON);
    await state('good').getByText('Active').waitFor(SOON);
    await page.getByRole('link', { name: 'good' }).click();
    await heading('good');

    const test = async (answer: string): Promise<void> => {
      await page.getByRole('button', { name: 'Send a test' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Send a test' }).click();
      await page.getByRole('region', { name: 'Answer to the test' }).getByText(answer).waitFor(SOON);
    };
    await test('Delivered, answered 204');
    answers.set('/good', 500);
    await test('Refused, answered 500');
    await page.getByText('the database is down').waitFor(SOON);
    answers.delete('/good');

    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('dialog').getByText('/v1/webhooks/good/replay').waitFor(SOON);
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByText(/^Events since .* are sent again$/).waitFor(SOON);

    await visit('/webhooks/gone');
    await page.getByText(/It answered 410/).waitFor(SOON);
    answers.delete('/gone');
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
    await page.getByText('Events are delivered as they come.').waitFor(SOON);
    expect(opened.faults).toEqual([]);
  });
});

describe('the doctor', () => {
  it('says what was seen, why it matters and what to do, and looks again', async () => {
    await using opened = await openConsole(browser, backend, { route: '/doctor' });
    const { page, asked } = opened;
    await page.getByRole('table', { name: 'Redis servers' }).waitFor(SOON);
    await page.getByText(/^\d+ checks: /).waitFor(SOON);
    await page.getByText('What to do').first().waitFor(SOON);
    const calls = () => asked.filter((url) => url.endsWith('/v1/doctor')).length;
    const before = calls();
    await page.getByRole('button', { name: 'Look again' }).click();
    await eventually(async () => expect(calls()).toBe(before + 1), PATIENCE);
    expect(opened.faults).toEqual([]);
  });
});

describe('every view of operation', () => {
  it.each([
    ['light', WIDE],
    ['dark', WIDE],
    ['light', NARROW],
    ['dark', NARROW],
  ] as const)(
    'has no fault that axe finds, in %s on %o, and fits the window',
    async (colorScheme, size) => {
      await backend.topic('looked.at');
      const { clientId, ref } = await register({ user: 'ann', info: { on: 'web' }, topics: ['looked.at'] });
      const socket = await backend.connect(clientId);
      await socket.next('welcome');
      const id = await backend.publish('looked.at', 1);
      const question = new URLSearchParams({ client: ref, topic: 'looked.at', id });
      await eventually(async () => {
        const { body } = await backend.call('GET', `/v1/explain?${question.toString()}`);
        expect(body).toMatchObject({ verdict: 'delivered' });
      }, PATIENCE);
      /** A route, what is there once it has been answered, and a dialog to open. */
      const looks: readonly (readonly [route: string, settled: string | RegExp, button?: string])[] = [
        ['/clients', /^[\da-f]{16}$/],
        ['/clients?find=none', 'No client of this API key has that name.'],
        [`/clients/${ref}`, 'up to date', 'Subscribe'],
        ['/clients/0000000000000000', 'No such client is registered'],
        ['/users', 'Seen among clients'],
        ['/users/ann', ref, 'Send a message'],
        ['/users/ann', ref, 'Revoke tokens'],
        ['/explain', 'Name a client, a topic and a message.'],
        [`/explain?${question.toString()}`, 'It was delivered.'],
        ['/keys', "this page's"],
        ['/webhooks', 'gone'],
        ['/webhooks/good', 'As its entry in WEBHOOKS_FILE says', 'Replay'],
        ['/webhooks/none', 'There is no endpoint none.'],
        ['/doctor', /^\d+ checks: /],
      ];
      await using opened = await openConsole(browser, backend, { size });
      const { page, visit } = opened;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [route, settled, button] of looks) {
        await visit(route);
        await page.getByText(settled).first().waitFor(SOON);
        if (button !== undefined) await page.getByRole('button', { name: button, exact: true }).click();
        expect(await axeFindings(page), `of ${route}`).toEqual([]);
        expect(await tooWide(page), `of ${route}`).toBe(0);
        if (button !== undefined) await page.keyboard.press('Escape');
      }
      await socket.close();
      expect(opened.faults).toEqual([]);
    },
    LOOKS_MS,
  );
});
