import { createRequire } from 'node:module';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import type { Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';
import { type Application, startApplication } from './application.ts';
import { channelName } from './client.ts';
import { hostOptions } from './libraries.ts';
import { backend, door } from './shared.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;

/** What a page has: the build for browsers that reads encrypted channels, and Echo. */
const ENTRY = `
  import Pusher from 'pusher-js/with-encryption';
  import Echo from 'laravel-echo';
  Object.assign(globalThis, { Pusher, Echo });
`;
const HTML = '<!doctype html><meta charset="utf-8"><title>A page</title><script src="/libraries.js"></script>';

let application: Application;
let other: Application;
let browser: TestBrowser;
beforeAll(async () => {
  application = await startApplication(backend, inject('pagePort'));
  other = await startApplication(backend);
  const libraries = await bundle();
  for (const { pages } of [application, other]) {
    pages.set('/', ['text/html', HTML]);
    pages.set('/libraries.js', ['text/javascript', libraries]);
  }
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
afterAll(async () => {
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
  for (const site of [application, other]) await site[Symbol.asyncDispose]();
});

async function bundle(): Promise<string> {
  const { writeFile } = await import('node:fs/promises');
  await using folder = await temporaryDirectory();
  const input = join(folder.path, 'entry.js');
  await writeFile(input, ENTRY);
  const require = createRequire(import.meta.url);
  const build = await rolldown({
    input,
    platform: 'browser',
    resolve: {
      alias: {
        'pusher-js/with-encryption': require.resolve('pusher-js/with-encryption'),
        'laravel-echo': join(require.resolve('laravel-echo'), '../echo.js'),
      },
    },
  });
  const { output } = await build.generate({ format: 'iife' });
  await build.close();
  return output[0].code;
}

/** Opens a page whose pusher-js is connected to an edge, and records what it receives as `globalThis.log`. */
async function open(user: string, edge: number, { origin } = application, key = door.apps.main.key): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  const headers = { Authorization: `Bearer ${user}` };
  await page.evaluate(`
    globalThis.log = [];
    globalThis.states = [];
    globalThis.client = new Pusher(${JSON.stringify(key)}, {
      ...${JSON.stringify(hostOptions(door.edgeUrls[edge] ?? ''))},
      channelAuthorization: { endpoint: '/broadcasting/auth', headers: ${JSON.stringify(headers)} },
      userAuthentication: { endpoint: '/broadcasting/user-auth', headers: ${JSON.stringify(headers)} },
    });
    states.push(client.connection.state);
    client.connection.bind('state_change', ({ current }) => states.push(current));
    client.connection.bind('error', (error) => log.push(['error', error]));
  `);
  return page;
}

const state = (page: Page): Promise<string> => page.evaluate('client.connection.state');
const log = (page: Page): Promise<unknown[]> => page.evaluate('log');

/** Subscribes, records the events of the channel, and waits until it is subscribed. */
async function subscribe(page: Page, channel: string): Promise<void> {
  const name = JSON.stringify(channel);
  await page.evaluate(`
    client.subscribe(${name}).bind_global((event, data) => {
      if (!event.startsWith('pusher:')) log.push([event, data]);
    });
  `);
  await page.waitForFunction(`client.channel(${name}).subscribed`);
}

describe('pusher-js in a page', () => {
  it('has public, private, encrypted and cache channels and client events, with another page at the other edge', async () => {
    await using ann = await open('ann', 0);
    await using bob = await open('bob', 1);
    const [open1, secret, sealed, cached] = ['', 'private-', 'private-encrypted-', 'cache-'].map((prefix) =>
      channelName(prefix),
    ) as [string, string, string, string];
    await backend.trigger(cached, 'state', 'on');
    for (const page of [ann, bob])
      for (const channel of [open1, secret, sealed, cached]) await subscribe(page, channel);
    for (const page of [ann, bob]) await eventually(async () => expect(await log(page)).toEqual([['state', 'on']]));
    await backend.trigger(open1, 'open', { x: 1 });
    await eventually(async () => expect((await log(bob)).at(-1)).toEqual(['open', { x: 1 }]));
    await backend.trigger(secret, 'private', { x: 2 });
    await eventually(async () => expect((await log(bob)).at(-1)).toEqual(['private', { x: 2 }]));
    await backend.trigger(sealed, 'sealed', { x: 3 });
    await eventually(async () => expect((await log(bob)).at(-1)).toEqual(['sealed', { x: 3 }]));
    await ann.evaluate(`client.channel(${JSON.stringify(secret)}).trigger('client-typing', { x: 4 })`);
    await eventually(async () => expect((await log(bob)).at(-1)).toEqual(['client-typing', { x: 4 }]));
    await eventually(async () => expect(await log(ann)).toHaveLength(4));
    expect(await ann.evaluate('states')).toEqual(['connecting', 'connected']);
  });

  it('has presence, sign-in and what is sent to users', async () => {
    const channel = channelName('presence-');
    const user = channelName('ann');
    await using ann = await open(user, 0);
    await subscribe(ann, channel);
    const members = (page: Page): Promise<string[]> =>
      page.evaluate(`Object.keys(client.channel(${JSON.stringify(channel)}).members.members).sort()`);
    expect(await members(ann)).toEqual([user]);
    {
      await using bob = await open('bob', 1);
      await subscribe(bob, channel);
      await eventually(async () => expect(await members(ann)).toEqual([user, 'bob']));
      await eventually(async () => expect(await members(bob)).toEqual([user, 'bob']));
    }
    await eventually(async () => expect(await members(ann)).toEqual([user]));
    await ann.evaluate(`client.user.bind('note', (data) => log.push(['note', data])); client.signin()`);
    await ann.waitForFunction('client.user.serverToUserChannel?.subscribed');
    await backend.sendToUser(user, 'note', { n: 1 });
    await eventually(async () => expect(await log(ann)).toEqual([['note', { n: 1 }]]));
    await backend.terminateUserConnections(user);
    await eventually(async () => expect(await state(ann)).toBe('disconnected'));
  });

  it('stops for ever with 4001 for an unknown key, and with 4009 for an origin that is not allowed', async () => {
    await using unknown = await open('ann', 0, application, 'unknown');
    await using foreign = await open('ann', 0, other);
    for (const [page, code] of [[unknown, 4001] as const, [foreign, 4009] as const]) {
      await eventually(async () => expect(await state(page)).toBe('disconnected'));
      expect(await log(page)).toEqual([
        [
          'error',
          { type: 'WebSocketError', error: { type: 'PusherError', data: { code, message: expect.any(String) } } },
        ],
      ]);
      expect(await page.evaluate('states')).toEqual(['connecting', 'disconnected']);
    }
  });
});

describe('Laravel Echo in a page', () => {
  it('has what a Laravel application broadcasts, with its presence and its whispers', async () => {
    const name = channelName();
    const pages = [await open('unused', 0), await open('unused', 1)];
    for (const [edge, page] of pages.entries()) {
      const { wsHost, wsPort } = hostOptions(door.edgeUrls[edge] ?? '');
      const options = { key: door.apps.main.key, wsHost, wsPort, forceTLS: false, enabledTransports: ['ws', 'wss'] };
      await page.evaluate(`
        client.disconnect();
        globalThis.echo = new Echo({ broadcaster: 'reverb', ...${JSON.stringify(options)}, bearerToken: 'user${edge}' });
        echo.channel('${name}').listen('OrderShipped', (data) => log.push(['class', data]));
        echo.join('${name}')
          .here((users) => log.push(['here', users.map(({ name }) => name).sort()]))
          .joining(({ name }) => log.push(['joining', name]))
          .listenForWhisper('typing', (data) => log.push(['whisper', data]));
      `);
      await page.waitForFunction(`echo.connector.pusher.allChannels().every(({ subscribed }) => subscribed)`);
    }
    const [first, second] = pages as [Page, Page];
    await eventually(async () =>
      expect(await log(first)).toEqual([
        ['here', ['USER0']],
        ['joining', 'USER1'],
      ]),
    );
    expect(await log(second)).toEqual([['here', ['USER0', 'USER1']]]);
    await second.evaluate(`echo.join('${name}').whisper('typing', { x: 1 })`);
    await eventually(async () => expect((await log(first)).at(-1)).toEqual(['whisper', { x: 1 }]));
    await backend.trigger(name, 'App\\Events\\OrderShipped', { id: 1 });
    for (const page of pages) {
      await eventually(async () => expect((await log(page)).at(-1)).toEqual(['class', { id: 1 }]));
      await page.close();
    }
  });
});
