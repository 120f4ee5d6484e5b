import { closeCodes } from '@holdfast/protocol/close-codes';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { maskedFrame, rawSocket } from '../testing/raw-client.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
const MAX_FRAME = 64 * 1024;
const FIN_TEXT = 0x81;

let control: Control;
let edge: RunningEdge;
let impatient: RunningEdge;
/** Another connection of the same edge, which must not notice anything. */
let witness: TestSocket;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const common = { redisUrl: redisUrl(), prefix: mine };
  edge = await startEdge(common);
  impatient = await startEdge({ ...common, heartbeatMs: 400, resumeDeadlineMs: 300 });
  await control.topics('witnessed');
  witness = await openSocket(edge.url, { client: await control.register(['witnessed']) });
  await witness.next('welcome');
});
afterAll(async () => {
  await Promise.all([edge.stop(), impatient.stop()]);
  await control.stop();
});

async function witnessIsWell(): Promise<void> {
  const id = await control.publish('witnessed', '"all is well"');
  expect(await witness.next('message')).toMatchObject({ id });
}

async function connected(topics: string[] = [], at = edge): Promise<{ client: string; socket: TestSocket }> {
  const client = await control.register(topics);
  const socket = await openSocket(at.url, { client });
  await socket.next('welcome');
  return { client, socket };
}

describe('4400 ends a connection that sends', () => {
  let client: string;
  let socket: TestSocket;
  beforeEach(async () => {
    ({ client, socket } = await connected());
  });

  it.each<[string, () => void]>([
    ['a binary frame', () => socket.ws.send(Buffer.from('{"type":"ping"}'))],
    ['an empty binary frame', () => socket.ws.send(Buffer.alloc(0))],
    ['more than 64 KiB', () => socket.ws.send(JSON.stringify({ type: 'x'.repeat(MAX_FRAME) }))],
    ['what is no JSON', () => socket.send('hello')],
    ['nothing', () => socket.send('')],
    ['an unknown type', () => socket.send({ type: 'publish', topic: 'news', data: 1 })],
    ['a resume that was not announced', () => socket.send({ type: 'resume', positions: {} })],
    ['a frame in very many pieces', () => inPieces(socket, 200)],
  ])('%s', async (_, send) => {
    send();
    expect(await socket.closed).toMatchObject({ code: 4400, reason: expect.stringMatching(/^bad-frame/) });
    await witnessIsWell();
    // It may come again at once: nothing is held against the client.
    const again = await openSocket(edge.url, { client });
    await again.next('welcome');
    await again.close();
  });

  it('a second resume', async () => {
    const second = await openSocket(edge.url, { client, resume: true });
    second.send({ type: 'resume', positions: {} });
    await second.next('welcome');
    second.send({ type: 'resume', positions: {} });
    expect(await second.closed).toMatchObject({ code: 4400 });
    await witnessIsWell();
  });

  it('a frame of 64 KiB is still taken for what it is', async () => {
    const fits = await openSocket(edge.url, { client, resume: true });
    const [head, tail] = ['{"type":"resume","positions":{', '}}'];
    fits.send(head + ' '.repeat(MAX_FRAME - head.length - tail.length) + tail);
    expect(await fits.next('welcome')).toBeDefined();
    await fits.close();
  });

  it.each<[string, Buffer]>([
    ['an unmasked frame', Buffer.from([FIN_TEXT, 2, 0x7b, 0x7d])],
    ['a reserved bit', maskedFrame(FIN_TEXT | 0x40, Buffer.from('{}'))],
    ['a reserved opcode', maskedFrame(0x83, Buffer.from('{}'))],
    ['a continuation of nothing', maskedFrame(0x80, Buffer.from('{}'))],
    ['a ping that is too long', maskedFrame(0x89, Buffer.alloc(126))],
    ['what is no UTF-8', maskedFrame(FIN_TEXT, Buffer.from([0xff, 0xfe]))],
    ['a name that would not fit into the reason', maskedFrame(FIN_TEXT, Buffer.from(`{"type":"${'日'.repeat(200)}"}`))],
  ])('%s', async (_, bytes) => {
    const raw = await rawSocket(edge.port, `/v1/connect?client=${client}`);
    raw.socket.write(bytes);
    expect(await raw.closeCode()).toBe(4400);
    await witnessIsWell();
  });

  it('a resume that names a topic beyond any close frame', async () => {
    const raw = await rawSocket(edge.port, `/v1/connect?client=${client}&resume=1`);
    raw.socket.write(
      maskedFrame(FIN_TEXT, Buffer.from(JSON.stringify({ type: 'resume', positions: { ['日'.repeat(100)]: '1-0' } }))),
    );
    expect(await raw.closeCode()).toBe(4400);
    await witnessIsWell();
  });
});

describe('a connection ends with', () => {
  it('4403 when an operator disconnects its client, which may come again', async () => {
    const { client, socket } = await connected();
    expect(await control.broker.disconnect(client)).toEqual({ connected: true });
    const { code, reason } = closeCodes.disconnected;
    expect(await socket.closed).toEqual({ code, reason });
    const again = await openSocket(edge.url, { client });
    await again.next('welcome');
    await witnessIsWell();
    again.send({ type: 'ping' });
    await again.next('pong');
    await again.close();
  });

  it('4408 when the resume frame that it announced does not come', async () => {
    const client = await control.register();
    const socket = await openSocket(impatient.url, { client, resume: true });
    expect(await socket.closed).toMatchObject({ code: 4408 });
    expect(socket.frames).toEqual([]);
    await witnessIsWell();
  });

  it('4408 when it takes nothing for too long', async () => {
    // A heartbeat that is longer than filling the socket takes.
    const strict = await startEdge({ redisUrl: redisUrl(), prefix: mine, heartbeatMs: 2000, stuckMs: 200 });
    await control.topics('flood');
    const { socket } = await connected(['flood'], strict);
    const other = await connected(['flood'], strict);
    socket.ws.pause();
    const data = JSON.stringify('x'.repeat(60_000));
    const { counters } = strict.edge;
    let last = '';
    while (counters.slowConsumers === 0) {
      const ids = await Promise.all(Array.from({ length: 20 }, () => control.publish('flood', data)));
      last = ids.at(-1) ?? '';
    }
    await eventually(() => expect(counters.evictedStuck).toBe(1));
    socket.ws.resume();
    expect(await socket.closed).toMatchObject({ code: 4408 });
    expect(socket.frames.filter(({ type }) => type === 'lost')).toEqual([]);
    await other.socket.next(({ id }) => id === last);
    await strict.stop();
  });

  it('4409 when its client comes again, on the same edge', async () => {
    const { client, socket } = await connected();
    const newer = await openSocket(edge.url, { client });
    const { code, reason } = closeCodes.replaced;
    expect(await socket.closed).toEqual({ code, reason });
    await newer.next('welcome');
    await newer.close();
    await witnessIsWell();
  });

  it('4409 when its client comes again, on another edge', async () => {
    const { client, socket } = await connected();
    const newer = await openSocket(impatient.url, { client });
    expect(await socket.closed).toMatchObject({ code: 4409 });
    await newer.next('welcome');
    expect((await control.broker.readClient(client))?.owner?.edge).toBe(impatient.id);
    await newer.close();
    await witnessIsWell();
  });

  it('4410 when its client is unregistered', async () => {
    const { client, socket } = await connected();
    expect(await control.broker.unregister(client)).toBe(true);
    const { code, reason } = closeCodes.unregistered;
    expect(await socket.closed).toEqual({ code, reason });
    await witnessIsWell();
  });

  it.each([1002, 1009])('what the client says, also %i', async (code) => {
    const { socket } = await connected();
    socket.ws.close(code, 'of the client');
    expect(await socket.closed).toEqual({ code, reason: 'of the client' });
  });

  it('what the client says, when the client ends it, and its client is free at once', async () => {
    const { client, socket } = await connected();
    expect((await socket.close(1000)).code).toBe(1000);
    await eventually(async () => expect((await control.broker.readClient(client))?.owner).toBeNull());
  });
});

describe('heartbeats', () => {
  it('cut a peer that does not answer, and keep one that does', async () => {
    const silent = await openSocket(impatient.url, { client: await control.register(), autoPong: false });
    const well = await connected([], impatient);
    expect((await silent.closed).code).toBe(1006);
    well.socket.send({ type: 'ping' });
    await well.socket.next('pong');
    await well.socket.close();
  });

  it('take any frame for life', async () => {
    const client = await control.register();
    const chatty = await openSocket(impatient.url, { client, autoPong: false });
    let pings = 0;
    chatty.ws.on('ping', () => {
      pings += 1;
      chatty.send({ type: 'ping' });
    });
    await eventually(() => expect(pings).toBeGreaterThan(3));
    await chatty.close();
  });
});

it('a reader that was slow catches up with everything, in order, and others do not notice', async () => {
  await control.topics('large');
  const slow = await connected(['large']);
  const quick = await connected(['large']);
  slow.socket.ws.pause();
  const { counters } = edge.edge;
  const before = counters.slowConsumers;
  const data = JSON.stringify('y'.repeat(60_000));
  const ids: string[] = [];
  while (counters.slowConsumers === before) ids.push(await control.publish('large', data));
  for (let count = 0; count < 50; count += 1) ids.push(await control.publish('large', data));
  await quick.socket.next(({ id }) => id === ids.at(-1));
  const waiting = [...(edge.edge.registry.get(slow.client)?.subscriptions.values() ?? [])][0];
  expect(waiting?.subscriber.transport.bufferedBytes).toBeLessThan(64 * 1024 + 10 * data.length);

  slow.socket.ws.resume();
  await slow.socket.next(({ id }) => id === ids.at(-1));
  for (const { socket } of [slow, quick]) {
    expect(socket.frames.slice(1).map(({ id }) => id)).toEqual(ids);
    await socket.close();
  }
  await witnessIsWell();
});

describe('a client that floods the edge and reads nothing', () => {
  it.each<[string, Buffer]>([
    ['with pings', maskedFrame(FIN_TEXT, Buffer.from('{"type":"ping"}'))],
    ['with WebSocket pings', maskedFrame(0x89, Buffer.alloc(120))],
  ])('%s is ended, and costs bounded memory until then', async (_, frame) => {
    const client = await control.register();
    const { socket } = await rawSocket(edge.port, `/v1/connect?client=${client}`);
    socket.pause();
    const many = Buffer.concat(Array.from({ length: 500 }, () => frame));
    const isHeld = () => (edge.edge.registry.get(client)?.phase ?? 'closed') !== 'closed';
    const isSent = () => socket.destroyed || socket.writableLength === 0;
    let most = 0;
    while (isHeld()) {
      socket.write(many);
      while (isHeld() && !isSent()) await new Promise(setImmediate);
      most = Math.max(most, edge.edge.registry.get(client)?.transport.bufferedBytes ?? 0);
      await new Promise(setImmediate);
    }
    socket.destroy();
    expect(most).toBeLessThan(1024 * 1024);
    await witnessIsWell();
  });
});

/** Sends a text frame in so many fragments. */
function inPieces(socket: TestSocket, pieces: number): void {
  for (let piece = 0; piece < pieces; piece += 1) {
    socket.ws.send(piece === 0 ? '{' : ' ', { fin: piece === pieces - 1 });
  }
}
