import { startTcpProxy } from '@holdfast/local/tcp-proxy';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { allowing, startPageServer } from '../e2e/page-server.ts';
import { PATIENCE } from '../e2e/readme-page.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
const TOPIC = 'news';
/** What the client library promises. */
const BACK_WITHIN_MS = 1000;
const TURN_MS = 10;

/**
 * With what the page says of itself. `timeline` has milliseconds by the turns of a timer of the page: a machine that has no
 * time for the page takes none of what the library promises.
 */
interface Report {
  state: string;
  delayMs: number;
  received: unknown[];
  lost: unknown[];
  timeline: [string, number][];
}

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(() => (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]());

/** A connected page, with a network of its own between it and the edge. */
async function pageBehindProxy() {
  await using started = new AsyncDisposableStack();
  const site = started.use(await startPageServer());
  const backend = started.use(await startBackend({ edges: 1, env: allowing(site) }));
  await backend.topic(TOPIC);
  const clientId = await backend.register([TOPIC]);
  const network = await startTcpProxy({ port: Number(new URL(backend.installation.edgeUrls[0] ?? '').port) });
  started.defer(() => network.stop());
  site.serve('/', 'text/html', () => page(network.url('ws'), clientId));
  const tab = started.use(await browser.newPage());
  await tab.goto(site.origin);
  const report = () => tab.evaluate<Report>('report()');
  const until = (state: string) => eventually(async () => expect((await report()).state).toBe(state), PATIENCE);
  await until('open');
  const running = started.move();
  return { backend, network, tab, report, until, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function page(url: string, clientId: string): string {
  return `<!doctype html><title>A page whose network goes away</title>
<script type="module">
  import { connect } from './holdfast.js';

  // No delay by chance: the longest while the network is away, and half of the first when it is back.
  Math.random = () => (navigator.onLine ? 0.5 : 0.999);
  const timeline = [];
  let ms = 0;
  setInterval(() => (ms += ${TURN_MS}), ${TURN_MS});
  const note = (what) => timeline.push([what, ms]);
  for (const type of ['online', 'offline']) addEventListener(type, () => note(type));
  const client = connect({ url: '${url}', clientId: '${clientId}' });
  let last = {};
  const received = [];
  const lost = [];
  client.on('state', (change) => {
    last = change;
    note(change.state);
  });
  client.on('message', ({ data }) => received.push(data));
  client.on('lost', (loss) => lost.push(loss));
  globalThis.report = () => ({ state: last.state, delayMs: last.delayMs, received, lost, timeline });
</script>`;
}

/** How long after the last `online` the page was connected again, by its own clock. */
function backAfterMs({ timeline }: Report): number {
  const online = timeline.findLastIndex(([what]) => what === 'online');
  const open = timeline.slice(online).find(([what]) => what === 'open');
  return (open?.[1] ?? Infinity) - (timeline[online]?.[1] ?? 0);
}

describe('a page is back within a second after its network is', () => {
  it('however long it had to wait for its next attempt, and has missed nothing', async () => {
    await using behind = await pageBehindProxy();
    const { backend, network, tab, report, until } = behind;
    await tab.context().setOffline(true);
    network.refuse();
    network.cut();
    await eventually(async () => {
      const { state, delayMs } = await report();
      expect([state, delayMs > 3 * BACK_WITHIN_MS]).toEqual(['waiting', true]);
    }, PATIENCE);
    await backend.publish(TOPIC, 'meanwhile');
    network.heal();
    await tab.context().setOffline(false);
    await until('open');
    await eventually(async () => expect(await report()).toMatchObject({ received: ['meanwhile'], lost: [] }), PATIENCE);
    expect(backAfterMs(await report())).toBeLessThan(BACK_WITHIN_MS);
  });

  it('also when nothing told it that its connection is dead', async () => {
    await using behind = await pageBehindProxy();
    const { backend, network, tab, report } = behind;
    network.strand();
    await backend.publish(TOPIC, 'meanwhile');
    await tab.context().setOffline(true);
    await tab.context().setOffline(false);
    await eventually(async () => expect(await report()).toMatchObject({ received: ['meanwhile'], lost: [] }), PATIENCE);
    expect(network.bytesSwallowed()).toBeGreaterThan(0);
    const states = (await report()).timeline.map(([what]) => what);
    expect(states).toEqual(['connecting', 'open', 'offline', 'online', 'waiting', 'connecting', 'open']);
    expect(backAfterMs(await report())).toBeLessThan(BACK_WITHIN_MS);
  });
});
