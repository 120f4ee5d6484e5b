import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { type ClientIdOptions, type HoldfastClient, connect } from './connect.ts';
import type { StateChange } from './events.ts';
import { ScriptedEdge, eventually } from './testing/scripted-edge.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';

let edge: ScriptedEdge;
const clients: HoldfastClient[] = [];

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  vi.useRealTimers();
  await edge[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

function connected(options: Partial<ClientIdOptions> = {}): HoldfastClient {
  const client = connect({ url: edge.url, clientId, ...options });
  clients.push(client);
  return client;
}

function statesOf(client: HoldfastClient): StateChange[] {
  const states: StateChange[] = [];
  client.on('state', (state) => states.push(state));
  return states;
}

/** Time stands still unless a test moves it: a timer that was forgotten stays, one that the socket ends by itself goes. */
function fakeClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
}

describe('after the edge closed', () => {
  it.each([
    [4400, 'bad-frame'],
    [4403, 'disconnected'],
    [4409, 'replaced'],
    [4410, 'unregistered'],
  ])('with %i it stops and says "%s"', async (code, reason) => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome();
    peer.close(code);
    expect(await client.closed).toEqual({ reason, code });
    expect(client.state).toBe('closed');
    expect(edge.peers).toHaveLength(1);
  });

  it('with 4409 it comes back once for each attempt that it gave up, which may be what replaced it', async () => {
    const client = connected();
    (await edge.peer(0)).cut();
    const second = await edge.peer(1);
    second.welcome();
    second.close(4409);
    const third = await edge.peer(2);
    third.welcome();
    third.close(4409);
    expect(await client.closed).toEqual({ reason: 'replaced', code: 4409 });
    expect(edge.peers).toHaveLength(3);
  });

  it.each([1001, 1006, 1013, 4408, 4429, 4999])('with %i it reconnects and resumes', async (code) => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    await eventually(() => client.state === 'open');
    if (code === 1006) peer.cut();
    else peer.close(code);
    const next = await edge.peer(1);
    expect(next.url.searchParams.get('resume')).toBe('1');
  });

  it('with 1012 it waits as long as the edge asks, and no longer', async () => {
    fakeClock();
    const client = connected();
    const states = statesOf(client);
    const peer = await edge.peer(0);
    peer.welcome();
    peer.close(1012, 'retry-after-ms=60000');
    await eventually(() => client.state === 'waiting');
    expect(states.at(-1)).toMatchObject({ state: 'waiting', delayMs: 60_000, code: 1012 });
    vi.advanceTimersByTime(59_999);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    expect(client.state).toBe('connecting');
    await edge.peer(1);
  });
});

describe('attempts', () => {
  it('go to the next edge when one does not answer', async () => {
    const dead = await unusedPort();
    const client = connected({ urls: [`ws://127.0.0.1:${dead}`, edge.url], url: undefined });
    const states = statesOf(client);
    // With a random of 0 the order is: edge, dead.
    (await edge.peer(0)).cut();
    (await edge.peer(1)).welcome();
    await eventually(() => client.state === 'open');
    const tried = states.flatMap((change) => (change.state === 'connecting' ? [new URL(change.url).port] : []));
    const port = new URL(edge.url).port;
    expect(tried).toEqual([port, String(dead), port]);
  });

  it('wait longer with each failure in a row, at random below a bound', async () => {
    fakeClock();
    vi.mocked(Math.random).mockReturnValue(0.5);
    const dead = await unusedPort();
    const client = connected({ url: `ws://127.0.0.1:${dead}` });
    const delays: number[] = [];
    client.on('state', (change) => change.state === 'waiting' && delays.push(change.delayMs));
    for (let failures = 1; failures <= 8; failures++) {
      await eventually(() => delays.length === failures);
      vi.advanceTimersByTime(delays.at(-1) ?? 0);
    }
    expect(delays).toEqual([125, 250, 500, 1000, 2000, 4000, 7500, 7500]);
  });

  it('begin with a small delay again after a connection that lasted, not after one that did not', async () => {
    fakeClock();
    vi.mocked(Math.random).mockReturnValue(0.5);
    const client = connected();
    const delays: number[] = [];
    client.on('state', (change) => change.state === 'waiting' && delays.push(change.delayMs));
    for (const [number, lastsMs] of [0, 4999, 5000, 0].entries()) {
      const peer = await edge.peer(number);
      peer.welcome();
      await eventually(() => client.state === 'open');
      vi.advanceTimersByTime(lastsMs);
      peer.cut();
      await eventually(() => client.state === 'waiting');
      vi.advanceTimersByTime(delays.at(-1) ?? 0);
    }
    expect(delays).toEqual([125, 250, 125, 250]);
  });

  it('are given up when no welcome comes', async () => {
    fakeClock();
    const client = connected();
    await edge.peer(0);
    vi.advanceTimersByTime(10_000);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    await edge.peer(1);
  });

  it('follow something that is no frame, and nothing follows a frame of a newer edge', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome();
    peer.sendText('{"type":"weather","topic":"news"}');
    peer.sendText('{"type":"__proto__"}');
    const messages: unknown[] = [];
    client.on('message', (message) => messages.push(message));
    peer.send({ type: 'message', topic: 'news', id: '1-0', data: null });
    await eventually(() => messages.length > 0);
    peer.sendText('{"type":"message","topic":"news","id":"soon","data":1}');
    await edge.peer(1);
    expect(messages).toHaveLength(1);
  });
});

describe('silence', () => {
  it('makes it ask, and reconnect when no answer comes', async () => {
    fakeClock();
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome({}, 1000);
    await eventually(() => client.state === 'open');
    vi.advanceTimersByTime(1000);
    await eventually(() => peer.received.length > 0);
    expect(peer.received).toEqual([{ type: 'ping' }]);
    vi.advanceTimersByTime(1500);
    expect(client.state).toBe('waiting');
    vi.advanceTimersByTime(1);
    await edge.peer(1);
  });

  it('that an answer breaks is no reason to reconnect', async () => {
    fakeClock();
    const client = connected();
    const peer = await edge.peer(0);
    let frames = 0;
    client.on('frame', () => frames++);
    peer.welcome({}, 1000);
    await eventually(() => frames === 1);
    for (let round = 1; round <= 5; round++) {
      vi.advanceTimersByTime(1000);
      await eventually(() => peer.received.length === round);
      peer.send({ type: 'pong' });
      await eventually(() => frames === round + 1);
    }
    expect(client.state).toBe('open');
    expect(edge.peers).toHaveLength(1);
  });
});

describe('closing', () => {
  it('says goodbye to the edge and leaves no timer behind', async () => {
    fakeClock();
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome();
    await eventually(() => client.state === 'open');
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    client.close();
    expect(await client.closed).toEqual({ reason: 'closed', code: undefined });
    await eventually(() => peer.isClosed);
    expect(await eventually(() => vi.getTimerCount() === 0)).toBe(true);
  });

  it('ends an attempt that has no welcome yet', async () => {
    fakeClock();
    // The platform's own one keeps timers for itself at its first use, and those would be counted.
    const client = connected({ WebSocket: NodeWebSocket });
    const peer = await edge.peer(0);
    client.close();
    await eventually(() => peer.isClosed);
    expect(await eventually(() => vi.getTimerCount() === 0)).toBe(true);
  });

  it('ends the wait for the next attempt', async () => {
    fakeClock();
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome();
    peer.close(1012, 'retry-after-ms=60000');
    await eventually(() => client.state === 'waiting');
    client.close();
    expect(await eventually(() => vi.getTimerCount() === 0)).toBe(true);
    vi.advanceTimersByTime(120_000);
    expect(client.state).toBe('closed');
  });

  it('comes with the signal, also with one that was aborted before', async () => {
    const abort = new AbortController();
    const client = connected({ signal: abort.signal });
    (await edge.peer(0)).welcome();
    await eventually(() => client.state === 'open');
    abort.abort();
    expect(await client.closed).toEqual({ reason: 'aborted', code: undefined });
    const late = connected({ signal: abort.signal });
    const reasons: string[] = [];
    late.on('closed', ({ reason }) => reasons.push(reason));
    expect(await late.closed).toEqual({ reason: 'aborted', code: undefined });
    expect(reasons).toEqual(['aborted']);
    expect(edge.peers).toHaveLength(1);
  });

  it('by a listener leaves `closed` the last event', async () => {
    const client = connected();
    const events: string[] = [];
    client.on('state', ({ state }) => {
      events.push(state);
      if (state === 'open') client.close();
    });
    for (const type of ['welcome', 'message', 'closed'] as const) client.on(type, () => events.push(type));
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    peer.send({ type: 'message', topic: 'news', id: '2-0', data: 1 });
    await eventually(() => peer.isClosed);
    expect(events).toEqual(['connecting', 'open', 'closed', 'closed']);
  });
});

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
