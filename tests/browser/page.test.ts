import { readFile } from 'node:fs/promises';
import type { Closed, StateChange } from '@holdfast/client/events';
import { createRest } from '@holdfast/client/rest';
import { eventually } from '@holdfast/testkit/eventually';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { startDurableRedis } from '../e2e/durable-redis.ts';
import { type PageServer, allowing, startPageServer } from '../e2e/page-server.ts';
import { type Publishing, keepPublishing } from '../e2e/publishing.ts';
import { PATIENCE } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
/** An edge's death, Redis' return and a reload, one after the other. */
const FAULTS_MS = 120_000;
/** Messages of each topic between two faults. */
const SOME = 15;

/** What the recording page says of itself. */
interface Report {
  state: StateChange;
  welcome: { topics: Record<string, { position: string; recovered?: boolean }> };
  received: Record<string, string[]>;
  lost: unknown[];
  closed: Closed[];
}

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(() => (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]());

describe('a page in a browser', () => {
  it(
    'misses nothing and gets nothing twice through a killed edge, a Redis killed and back with its data, and a reload',
    async () => {
      await using redis = await startDurableRedis();
      await using site = await startPageServer();
      await using backend = await startBackend({ redis, env: allowing(site) });
      const topics = ['news.sport', 'news.world'];
      for (const topic of topics) await backend.topic(topic);
      const { controlUrl, edgeUrls: urls, edges, key } = backend.installation;
      const settings = { controlUrl, clientId: await backend.register([]), urls, topics };
      site.serve('/', 'text/html', () => readFile(new URL('recording-page.html', import.meta.url), 'utf8'));
      site.serve('/settings.json', 'application/json', () => JSON.stringify(settings));
      await using page = await browser.newPage();
      await page.goto(site.origin);
      await page.waitForFunction('globalThis.report');
      await using publishing = keepPublishing(createRest({ controlUrl, key }), topics);

      const before = edgeOf(await afterMore(page, publishing));
      edges[urls.findIndex((url) => new URL(url).host === before)]?.kill('SIGKILL');
      const after = edgeOf(await afterMore(page, publishing));
      expect([before, after].toSorted()).toEqual(urls.map((url) => new URL(url).host).toSorted());

      const answered = publishing.refused();
      await redis.kill();
      await eventually(() => expect(publishing.refused()).toBeGreaterThan(answered));
      await redis.startAgain();
      await afterMore(page, publishing);

      // These are published when the old document is gone and the new one has not begun.
      await page.route('**/holdfast.js', async (route) => {
        await publishing.more(SOME);
        await route.continue();
      });
      await page.reload();
      await afterMore(page, publishing);

      await publishing.stop();
      const { received, welcome, lost, closed } = await caughtUp(page, publishing);
      expect(received).toEqual(publishing.ids);
      expect(topics.map((topic) => welcome.topics[topic]?.recovered)).toEqual([true, true]);
      expect({ lost, closed }).toEqual({ lost: [], closed: [] });
    },
    FAULTS_MS,
  );

  it('can call and connect from an allowed origin, and from another neither service does anything for it', async () => {
    await using ours = await startPageServer();
    await using other = await startPageServer();
    await using backend = await startBackend({ edges: 1, env: allowing(ours) });
    await backend.topic('news');
    const clientId = await backend.register([]);
    const visit = async (site: PageServer) => {
      site.serve('/', 'text/html', () => '<!doctype html><title>A page that tries</title>');
      await using page = await browser.newPage();
      const refusals: string[] = [];
      page.on('websocket', (socket) => socket.on('socketerror', (error) => refusals.push(error)));
      await page.goto(site.origin);
      const { controlUrl, edgeUrls: urls } = backend.installation;
      const tried: unknown = await page.evaluate(
        tryToSubscribeAndConnect({ controlUrl, urls, clientId, topic: 'news' }),
      );
      return { tried, refusals };
    };

    expect(await visit(other)).toEqual({
      tried: { subscribe: 'unreachable', connect: 'waiting' },
      refusals: [expect.stringContaining('403')],
    });
    const untouched = await backend.call('GET', `/v1/clients/${clientId}`);
    expect(untouched.body).toMatchObject({ connected: false, topics: [] });
    expect(await visit(ours)).toEqual({ tried: { subscribe: ['news'], connect: 'open' }, refusals: [] });
  });
});

/** What the page reports when it has received messages that are published from now on. */
async function afterMore(page: Page, publishing: Publishing): Promise<Report> {
  await publishing.more(SOME);
  return caughtUp(page, publishing);
}

/** What the page reports when it has received the last message published until now, of each topic. */
async function caughtUp(page: Page, { ids }: Publishing): Promise<Report> {
  const last = Object.entries(ids).map(([topic, published]) => [topic, published.at(-1)] as const);
  return eventually(async () => {
    const report = await page.evaluate<Report>('report()');
    for (const [topic, id] of last) expect(report.received[topic]).toContain(id);
    return report;
  }, PATIENCE);
}

/** The host and port of the edge that the page is connected to. */
function edgeOf({ state }: Report): string {
  return state.state === 'open' ? new URL(state.url).host : state.state;
}

/** What the page is to run: gives the topics subscribed to or the error's code, and the state that connecting ends in. */
function tryToSubscribeAndConnect(settings: object): string {
  return `(async ({ controlUrl, urls, clientId, topic }) => {
    const { connect, createRest } = await import('/holdfast.js');
    const subscribe = await createRest({ controlUrl })
      .subscribe(clientId, [topic])
      .then(({ topics }) => topics, ({ code }) => code);
    const client = connect({ urls, clientId, credential: 'subprotocol' });
    const connected = await new Promise((resolve) =>
      client.on('state', ({ state }) => state === 'connecting' || resolve(state)));
    client.close();
    return { subscribe, connect: connected };
  })(${JSON.stringify(settings)})`;
}
