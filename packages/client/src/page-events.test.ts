import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientIdOptions, type HoldfastClient, connect } from './connect.ts';
import { type Peer, ScriptedEdge, eventually } from './testing/scripted-edge.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';

/** An EventTarget that knows how many listeners it has. */
class CountingTarget extends EventTarget {
  listeners = 0;
  visibilityState = 'visible';

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.listeners++;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

let edge: ScriptedEdge;
let page: CountingTarget;
let pageDocument: CountingTarget;
const clients: HoldfastClient[] = [];

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  page = new CountingTarget();
  pageDocument = new CountingTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  vi.stubGlobal('document', pageDocument);
  // Time stands still unless a test moves it.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await edge[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

function connected(options: Partial<ClientIdOptions> = {}): HoldfastClient {
  const client = connect({ url: edge.url, clientId, ...options });
  clients.push(client);
  return client;
}

async function open(): Promise<{ client: HoldfastClient; peer: Peer }> {
  const client = connected();
  const peer = await edge.peer(0);
  peer.welcome({ news: { position: '1-0' } });
  await eventually(() => client.state === 'open');
  return { client, peer };
}

/** Its attempts have failed until each waits for many seconds. */
async function longWaiting(): Promise<{ client: HoldfastClient; delays: number[] }> {
  const client = connected();
  const delays: number[] = [];
  client.on('state', (change) => change.state === 'waiting' && delays.push(change.delayMs));
  for (let number = 0; number < 8; number++) {
    (await edge.peer(number)).cut();
    await eventually(() => delays.length === number + 1);
    if (number < 7) vi.advanceTimersByTime(delays.at(-1) ?? 0);
  }
  expect(delays.at(-1)).toBe(7500);
  return { client, delays };
}

const events = {
  online: () => page.dispatchEvent(new Event('online')),
  offline: () => page.dispatchEvent(new Event('offline')),
  pageshow: () => page.dispatchEvent(new Event('pageshow')),
  visible: () => pageDocument.dispatchEvent(new Event('visibilitychange')),
};

describe('while it waits', () => {
  it('a network that is back brings it back within the first of the delays, and failures count anew', async () => {
    const { client, delays } = await longWaiting();
    events.online();
    vi.advanceTimersByTime(124);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    expect(client.state).toBe('connecting');
    (await edge.peer(8)).cut();
    await eventually(() => client.state === 'waiting');
    expect(delays.at(-1)).toBe(125);
  });

  it.each(['pageshow', 'visible'] as const)('a page that is %s again brings it back at once', async (event) => {
    const { client } = await longWaiting();
    events[event]();
    vi.advanceTimersByTime(0);
    expect(client.state).toBe('connecting');
  });

  it('neither a page that is hidden nor a network that goes changes anything', async () => {
    const { client } = await longWaiting();
    pageDocument.visibilityState = 'hidden';
    events.visible();
    events.offline();
    vi.advanceTimersByTime(7499);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    expect(client.state).toBe('connecting');
  });

  it.each([
    [1012, 'retry-after-ms=60000', 60_000],
    [1013, 'try-later', 125],
  ])('for an edge that asked for that (%i), nothing cuts it short', async (code, reason, delayMs) => {
    const { client, peer } = await open();
    peer.close(code, reason);
    await eventually(() => client.state === 'waiting');
    for (const event of Object.values(events)) event();
    vi.advanceTimersByTime(delayMs - 1);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    expect(client.state).toBe('connecting');
  });
});

describe('an open connection', () => {
  it.each([
    ['online', 500],
    ['offline', 2000],
    ['pageshow', 2000],
    ['visible', 2000],
  ] as const)('is asked at %s, and replaced after %i ms without an answer', async (event, patienceMs) => {
    const { client, peer } = await open();
    events[event]();
    await eventually(() => peer.received.length > 0);
    expect(peer.received).toEqual([{ type: 'ping' }]);
    vi.advanceTimersByTime(patienceMs - 1);
    expect(client.state).toBe('open');
    vi.advanceTimersByTime(1);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(250);
    expect((await edge.peer(1)).url.searchParams.get('resume')).toBe('1');
  });

  it.each(Object.keys(events) as (keyof typeof events)[])('that answers at %s stays', async (event) => {
    const { client, peer } = await open();
    let frames = 0;
    client.on('frame', () => frames++);
    events[event]();
    await eventually(() => peer.received.length > 0);
    peer.send({ type: 'pong' });
    await eventually(() => frames > 0);
    vi.advanceTimersByTime(5000);
    expect(client.state).toBe('open');
    expect(edge.peers).toHaveLength(1);
  });
});

describe('an attempt', () => {
  it('into a network that is gone is made again when there is another one', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const client = connected({ url: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`, urls: undefined });
    let attempts = 0;
    client.on('state', ({ state }) => (attempts += state === 'connecting' ? 1 : 0));
    const [first] = (await once(silent, 'connection')) as [{ destroy(): void }];
    events.offline();
    events.pageshow();
    vi.advanceTimersByTime(5000);
    expect([client.state, attempts]).toEqual(['connecting', 1]);
    events.online();
    vi.advanceTimersByTime(500);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(125);
    expect([client.state, attempts]).toEqual(['connecting', 2]);
    client.close();
    first.destroy();
    silent.close();
  });
});

it('a client that is closed listens to nothing, and neither does one that could not begin', async () => {
  const { client } = await open();
  expect(page.listeners + pageDocument.listeners).toBe(4);
  events.online();
  client.close();
  expect(page.listeners + pageDocument.listeners).toBe(0);
  expect(await eventually(() => vi.getTimerCount() === 0)).toBe(true);
  expect(() => connected({ url: 'ftp://host' })).toThrow(TypeError);
  expect(page.listeners + pageDocument.listeners).toBe(0);
});
