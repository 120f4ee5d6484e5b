import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as NodeWebSocket } from 'ws';
import { type ClientIdOptions, type HoldfastClient, connect } from './connect.ts';
import { type Peer, ScriptedEdge, eventually } from './testing/scripted-edge.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';

let edge: ScriptedEdge;
const clients: HoldfastClient[] = [];

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  // No waiting between attempts.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await edge[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

function connected(options: Partial<ClientIdOptions> = {}): HoldfastClient {
  const client = connect({ url: edge.url, clientId, ...options });
  clients.push(client);
  return client;
}

async function cutAndAwaitNext(peer: Peer): Promise<Peer> {
  peer.cut();
  return edge.peer(edge.peers.length);
}

describe('connecting', () => {
  it('begins without resume, with the client id in the query', async () => {
    connected();
    const peer = await edge.peer(0);
    expect(peer.url.pathname).toBe('/v1/connect');
    expect(Object.fromEntries(peer.url.searchParams)).toEqual({ client: clientId });
    expect(peer.offered).toEqual(['holdfast.v1']);
  });

  it('keeps the client id out of the URL when it travels as a subprotocol', async () => {
    connected({ credential: 'subprotocol' });
    const peer = await edge.peer(0);
    expect(peer.url.search).toBe('');
    expect(peer.offered).toEqual(['holdfast.v1', `holdfast.client.${clientId}`]);
  });

  it('takes the WebSocket of `ws` with its options', async () => {
    const client = connected({ WebSocket: NodeWebSocket, webSocketOptions: { headers: { 'x-from': 'ws' } } });
    const peer = await edge.peer(0);
    expect(peer.headers['x-from']).toBe('ws');
    peer.welcome();
    await eventually(() => client.state === 'open');
  });

  it('is open with the welcome, not before', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    expect(client.state).toBe('connecting');
    peer.welcome();
    await eventually(() => client.state === 'open');
  });

  it('emits its first `connecting` to listeners that were set in the same tick, once', async () => {
    const client = connected();
    const states: unknown[] = [];
    client.on('state', (change) => states.push(change));
    (await edge.peer(0)).welcome();
    await eventually(() => client.state === 'open');
    const url = `${edge.url}/v1/connect`;
    expect(states).toEqual([
      { state: 'connecting', url },
      { state: 'open', url },
    ]);
  });

  it('refuses options that cannot work', () => {
    expect(() => connected({ url: null })).toThrow(TypeError);
    expect(() => connected({ url: 'ftp://host' })).toThrow(TypeError);
    expect(() => connected({ controlUrl: 'nowhere' })).toThrow(TypeError);
    expect(() => connected({ positions: { news: 'yesterday' } })).toThrow(TypeError);
  });
});

describe('resuming', () => {
  it('goes on from positions that were kept, with the first connection', async () => {
    connected({ positions: { news: '5-0' } });
    const peer = await edge.peer(0);
    expect(peer.url.searchParams.get('resume')).toBe('1');
    await eventually(() => peer.received.length > 0);
    expect(peer.received).toEqual([{ type: 'resume', positions: { news: '5-0' } }]);
  });

  it('asks for every topic, in as many frames as that takes', async () => {
    const topics = Array.from({ length: 1000 }, (_, number) => `${'long-name.'.repeat(19)}${number}`);
    const positions = Object.fromEntries(['@me', ...topics].map((topic) => [topic, '5-0']));
    connected({ positions });
    const peer = await edge.peer(0);
    const frames = await eventually(() => {
      const received = peer.received as { positions: object; more?: boolean }[];
      return received.length > 0 && received.at(-1)?.more === undefined && received;
    });
    expect(frames.length).toBeGreaterThan(1);
    expect(Object.assign({}, ...frames.map((frame) => frame.positions))).toEqual(positions);
  });

  it('goes on from the position of the welcome when no message came', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '5-0' }, '@me': { position: '0-0' } });
    await eventually(() => client.state === 'open');
    const next = await cutAndAwaitNext(peer);
    await eventually(() => next.received.length > 0);
    expect(next.url.searchParams.get('resume')).toBe('1');
    expect(next.received).toEqual([{ type: 'resume', positions: { news: '5-0', '@me': '0-0' } }]);
  });

  it('goes on from what messages, subscriptions and losses said last, and leaves out what it unsubscribed', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome({ a: { position: '1-0' }, b: { position: '1-0' }, c: { position: '1-0' } });
    peer.send(
      { type: 'message', topic: 'a', id: '2-0', data: 1 },
      { type: 'unsubscribed', topic: 'b', reason: 'requested' },
      { type: 'lost', topic: 'c', after: '1-0', position: '7-0' },
      { type: 'subscribed', topic: '__proto__', position: '9-0' },
    );
    await eventually(() => '9-0' === Object.entries(client.positions()).at(-1)?.[1]);
    const next = await cutAndAwaitNext(peer);
    await eventually(() => next.received.length > 0);
    expect(JSON.stringify(next.received)).toBe(
      '[{"type":"resume","positions":{"a":"2-0","c":"7-0","__proto__":"9-0"}}]',
    );
  });

  it('misses nothing when a resume is cut before all missed messages came', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    await eventually(() => client.state === 'open');
    const second = await cutAndAwaitNext(peer);
    second.welcome({ news: { position: '9-0', recovered: true } });
    await eventually(() => client.state === 'open');
    const third = await cutAndAwaitNext(second);
    await eventually(() => third.received.length > 0);
    third.welcome({ news: { position: '9-0', recovered: true } });
    third.send({ type: 'message', topic: 'news', id: '2-0', data: 1 });
    await eventually(() => client.positions()['news'] === '2-0');
    const fourth = await cutAndAwaitNext(third);
    await eventually(() => fourth.received.length > 0);
    expect(third.received).toEqual([{ type: 'resume', positions: { news: '1-0' } }]);
    expect(fourth.received).toEqual([{ type: 'resume', positions: { news: '2-0' } }]);
  });

  it('drops and counts messages that come again', async () => {
    const ids: string[] = [];
    const client = connected();
    client.on('message', ({ id }) => ids.push(id));
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    for (const id of ['9-0', '10-0', '10-0', '9-0', '10-1']) peer.send({ type: 'message', topic: 'news', id, data: 1 });
    await eventually(() => ids.includes('10-1'));
    expect(ids).toEqual(['9-0', '10-0', '10-1']);
    expect(client.duplicates).toBe(2);
  });

  it('tells a loss once, whether the welcome, a frame or both announce it', async () => {
    const client = connected({ positions: { news: '3-0' } });
    const losses: unknown[] = [];
    client.on('lost', (loss) => losses.push(loss));
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '7-0', recovered: false } });
    peer.send(
      { type: 'lost', topic: 'news', after: '3-0', position: '7-0' },
      { type: 'message', topic: 'news', id: '8-0', data: 1 },
      { type: 'lost', topic: 'news', after: '8-0', position: '12-0' },
    );
    await eventually(() => losses.length > 1);
    expect(losses).toEqual([
      { type: 'lost', topic: 'news', after: '3-0', position: '7-0' },
      { type: 'lost', topic: 'news', after: '8-0', position: '12-0' },
    ]);
  });

  it('never resumes when told not to', async () => {
    const client = connected({ resume: false, positions: { news: '3-0' } });
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '5-0' } });
    await eventually(() => client.state === 'open');
    const next = await cutAndAwaitNext(peer);
    next.welcome({ news: { position: '9-0' } });
    await eventually(() => client.positions()['news'] === '9-0');
    expect([peer, next].map(({ url }) => url.searchParams.has('resume'))).toEqual([false, false]);
    expect(next.received).toEqual([]);
  });
});

describe('listeners', () => {
  it('cannot break the connection by throwing', async () => {
    const client = connected();
    const errors: unknown[] = [];
    const ids: string[] = [];
    client.on('message', () => {
      throw new Error('mine');
    });
    client.on('message', ({ id }) => ids.push(id));
    client.on('error', ({ error, event }) => errors.push([event, String(error)]));
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    peer.send({ type: 'message', topic: 'news', id: '2-0', data: 1 });
    await eventually(() => ids.length > 0);
    expect(errors).toEqual([['message', 'Error: mine']]);
    expect(client.state).toBe('open');
  });

  it('hear nothing after they were taken away', async () => {
    const client = connected();
    const taken: string[] = [];
    const kept: string[] = [];
    const stop = client.on('message', ({ id }) => taken.push(id));
    client.on('message', ({ id }) => kept.push(id));
    const peer = await edge.peer(0);
    peer.welcome();
    peer.send({ type: 'message', topic: 'news', id: '1-0', data: 1 });
    await eventually(() => kept.length === 1);
    stop();
    peer.send({ type: 'message', topic: 'news', id: '2-0', data: 1 });
    await eventually(() => kept.length === 2);
    expect(taken).toEqual(['1-0']);
  });

  it('see every frame as it came', async () => {
    const client = connected();
    const frames: string[] = [];
    client.on('frame', (text) => frames.push(text));
    const peer = await edge.peer(0);
    const text = '{"type":"message","topic":"news","id":"1-0","data":12345678901234567890}';
    peer.sendText(text);
    await eventually(() => frames.length > 0);
    expect(frames).toEqual([text]);
  });
});

describe('loops', () => {
  it('take one topic across reconnects and end when the client closes', async () => {
    const client = connected();
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of client.messages('news')) seen.push(data);
    })();
    const peer = await edge.peer(0);
    peer.welcome({ news: { position: '1-0' } });
    peer.send(
      { type: 'message', topic: 'other', id: '2-0', data: 'no' },
      { type: 'message', topic: 'news', id: '2-0', data: 'one' },
    );
    await eventually(() => seen.length === 1);
    const next = await cutAndAwaitNext(peer);
    next.welcome({ news: { position: '2-0', recovered: true } });
    next.send({ type: 'message', topic: 'news', id: '3-0', data: 'two' });
    await eventually(() => seen.length === 2);
    client.close();
    await loop;
    expect(seen).toEqual(['one', 'two']);
  });

  it('end with their own signal while the client goes on', async () => {
    const client = connected();
    const peer = await edge.peer(0);
    peer.welcome();
    await eventually(() => client.state === 'open');
    const abort = new AbortController();
    const next = client.messages(undefined, { signal: abort.signal }).next();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(client.state).toBe('open');
  });
});
