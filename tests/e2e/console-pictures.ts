import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@holdfast/client/connect';
import { createRest } from '@holdfast/client/rest';
import { FULL_RIGHTS, startInstallation } from '@holdfast/local/installation';
import { createKey, listKeys } from '@holdfast/keys-file/keys-file';
import type { Page } from 'playwright-core';
import { type TestBrowser, startBrowser } from './browser.ts';
import { withPalette } from './palette-png.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// npm run console:pictures [-- overview edges …]: takes the pictures of docs/images/console, all or those named, on an
// installation of its own under a small load.

const FOLDER = new URL('../../docs/images/console/', import.meta.url);
const MOST_BYTES = 100_000;
/** Charts need something to show. */
const WARM_UP_MS = 110_000;
/** Answers, and a chart that has drawn its newest sample. */
const SETTLED_MS = 3_000;
/** Some messages have to arrive. */
const LIVE_MS = 15_000;

/** Every view, by the name of its picture; {client} and {id} are those of a client and of a message for it. */
const VIEWS: readonly (readonly [name: string, route: string])[] = [
  ['overview', '/overview'],
  ['edges', '/edges'],
  ['topics', '/topics'],
  ['topic', '/topics/room.lobby'],
  ['topic-live', '/topics/room.lobby?tab=live'],
  ['clients', '/clients'],
  ['client', '/clients/{client}'],
  ['user', '/users/ann'],
  ['explain', '/explain?client={client}&topic=room.lobby&id={id}'],
  ['keys', '/keys'],
  ['webhooks', '/webhooks'],
  ['doctor', '/doctor'],
];

const LOOKS = {
  light: { scheme: 'light', size: { width: 1280, height: 860 } },
  dark: { scheme: 'dark', size: { width: 1280, height: 860 } },
  narrow: { scheme: 'light', size: { width: 360, height: 780 } },
} as const;

const TOPICS = ['news.sport', 'news.weather', 'orders.eu.created', 'orders.eu.paid', 'room.garden', 'user.ann.inbox'];
const PEOPLE = ['ann', 'bob', 'cleo', 'dan', 'eve'] as const;
const LINES = ['Good morning', 'On my way', 'The train is late again', 'Platform 4, then', 'See you there'];
const CLIENTS = 60;
/** Of a key that ends soon. */
const KEY_MS = 9 * 86_400_000;
/** What endpoints of webhooks answer with, when not 204. */
const STATUS: Readonly<Record<string, number>> = { '/analytics': 500, '/old-crm': 410 };

await using installation = await startPictured();
await using browser = await startBrowser();
const load = startLoad();
await mkdir(FOLDER, { recursive: true });
const pages = await Promise.all(
  Object.entries(LOOKS).map(async ([name, look]) => [name, await opened(browser, look)] as const),
);
await delay(WARM_UP_MS);
const named = await namedInRoutes();
const wanted = process.argv.slice(2);
for (const [view, route] of VIEWS) {
  if (wanted.length > 0 && !wanted.includes(view)) continue;
  const shown = route.replace('{client}', named.client).replace('{id}', named.id);
  for (const [look, page] of pages) await take(page, shown, `${view}-${look}`);
}
load.stop();

async function startPictured() {
  const hooks = await startWebhooks();
  const started = await startInstallation({ edges: 2, announce: () => undefined, env: hooks.env });
  const { keysFile } = started;
  const expiresAt = new Date(Date.now() + KEY_MS).toISOString();
  const can = { register: true, subscribe: ['news.*'] };
  await createKey(keysFile, { id: 'mobile', can, maxClients: 100_000, expiresAt });
  await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });
  if ((await listKeys(keysFile)).length !== 3) throw new Error('a key is missing');
  const stop = async (): Promise<void> => {
    await started.stop();
    await hooks.stop();
  };
  return Object.assign(started, { [Symbol.asyncDispose]: stop });
}

/** Endpoints of webhooks: one that takes everything, one that fails, and one that is gone. */
async function startWebhooks() {
  const directory = await temporaryDirectory();
  const receiver = createServer((request, response) => {
    response.statusCode = STATUS[request.url ?? ''] ?? 204;
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const endpoints = [
    { id: 'backend', types: ['client.*', 'topic.*'] },
    { id: 'analytics', types: ['client.*'], batch: { size: 100, ms: 250 } },
    { id: 'old-crm', types: ['client.connected'] },
  ].map((endpoint) => ({ ...endpoint, url: `http://127.0.0.1:${port}/${endpoint.id}`, secret }));
  const file = join(directory.path, 'webhooks.json');
  await writeFile(file, JSON.stringify({ endpoints }));
  const stop = async (): Promise<void> => {
    receiver.close();
    receiver.closeAllConnections();
    await directory[Symbol.asyncDispose]();
  };
  return { env: { WEBHOOKS_FILE: file, WEBHOOKS_ALLOW_PRIVATE: '1' }, stop };
}

async function namedInRoutes(): Promise<{ client: string; id: string }> {
  const { controlUrl, key } = installation;
  const ask = async (path: string) => (await fetch(controlUrl + path, { headers: { 'x-api-key': key } })).json();
  const { clients } = (await ask('/v1/clients?name=device-0')) as { clients: { ref: string }[] };
  const { messages } = (await ask('/v1/topics/room.lobby/messages')) as { messages: { id: string }[] };
  return { client: clients[0]?.ref ?? '', id: messages.at(-1)?.id ?? '' };
}

async function opened(from: TestBrowser, { scheme, size }: (typeof LOOKS)[keyof typeof LOOKS]): Promise<Page> {
  const page = await from.newPage();
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(`${installation.controlUrl}/console#key=${installation.key}`);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  return page;
}

async function take(page: Page, route: string, name: string): Promise<void> {
  await page.goto(`${installation.controlUrl}/console#${route}`);
  await page.bringToFront();
  await delay(/[?&]tab=live/.test(route) ? LIVE_MS : SETTLED_MS);
  const png = withPalette(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
  if (png.length > MOST_BYTES) throw new Error(`${name}.png has ${png.length} bytes`);
  await writeFile(new URL(`${name}.png`, FOLDER), png);
  process.stdout.write(`${name}.png ${Math.round(png.length / 1000)} kB\n`);
}

/** Clients of some people, and messages that come in waves. */
function startLoad(): { stop: () => void } {
  const { controlUrl, key } = installation;
  const rest = createRest({ controlUrl, key });
  const stopped = new AbortController();
  const { signal } = stopped;
  const run = async (): Promise<void> => {
    for (const topic of TOPICS) await rest.createTopic(topic);
    await rest.createTopic('room.lobby', { presence: { by: 'user' } });
    for (let number = 0; number < CLIENTS; number++) {
      const user = PEOPLE[number % PEOPLE.length] ?? 'ann';
      const known = number < 2 * PEOPLE.length ? { user, info: { name: user, on: 'web' } } : {};
      const topics = number % 2 === 0 ? ['room.lobby', 'news.sport'] : ['orders.eu.created', 'news.sport'];
      const { clientId, connect: edges } = await rest.register({ name: `device-${number}`, topics, ...known });
      connect({ clientId, url: edges.url, urls: edges.urls, signal });
      await delay(400, undefined, { signal });
    }
  };
  const publish = async (): Promise<void> => {
    for (let tick = 0; ; tick++) {
      await delay(500, undefined, { signal });
      const from = PEOPLE[tick % PEOPLE.length];
      const wave = Math.round(3 + 2.5 * Math.sin(tick / 12) + Math.random());
      for (let number = 0; number < wave; number++)
        await rest.publish('news.sport', { minute: tick % 90, goal: number });
      if (tick % 3 === 0) await rest.publish('room.lobby', { from, text: LINES[tick % LINES.length], n: tick });
      if (tick % 4 === 0)
        await rest.publish('orders.eu.created', { order: 10_000 + tick, total: 12.5, currency: 'EUR' });
    }
  };
  const failed = (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
  void run().then(publish).catch(failed);
  return { stop: () => stopped.abort() };
}
