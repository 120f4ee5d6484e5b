import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@holdfast/client/connect';
import { createRest } from '@holdfast/client/rest';
import { FULL_RIGHTS, startInstallation } from '@holdfast/local/installation';
import { createKey, listKeys } from '@holdfast/local/keys-file';
import type { Page } from 'playwright-core';
import { type TestBrowser, startBrowser } from './browser.ts';
import { withPalette } from './palette-png.ts';

// npm run console:pictures: takes the pictures of docs/images/console on an installation of its own, under a small load.

const FOLDER = new URL('../../docs/images/console/', import.meta.url);
const MOST_BYTES = 100_000;
/** Charts need something to show. */
const WARM_UP_MS = 110_000;
/** Answers, and a chart that has drawn its newest sample. */
const SETTLED_MS = 3_000;

/** Every view, by the name of its picture. */
const VIEWS: readonly (readonly [name: string, route: string])[] = [
  ['overview', '/overview'],
  ['edges', '/edges'],
  ['topics', '/topics'],
  ['topic', '/topics/room.lobby'],
  ['topic-live', '/topics/room.lobby?tab=live'],
  ['clients', '/clients'],
  ['users', '/users/ann'],
  ['explain', '/explain'],
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

await using installation = await startPictured();
await using browser = await startBrowser();
const load = startLoad();
await mkdir(FOLDER, { recursive: true });
const pages = await Promise.all(
  Object.entries(LOOKS).map(async ([name, look]) => [name, await opened(browser, look)] as const),
);
await delay(WARM_UP_MS);
for (const [view, route] of VIEWS) {
  for (const [look, page] of pages) await take(page, route, `${view}-${look}`);
}
load.stop();

async function startPictured() {
  const started = await startInstallation({ edges: 2, announce: () => undefined });
  const { keysFile } = started;
  await createKey(keysFile, { id: 'mobile', can: { register: true, subscribe: ['news.*'] }, maxClients: 100_000 });
  await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });
  if ((await listKeys(keysFile)).length !== 3) throw new Error('a key is missing');
  return Object.assign(started, { [Symbol.asyncDispose]: () => started.stop() });
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
  await delay(SETTLED_MS);
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
