import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { type App, type Service, logEntry, startService } from '@holdfast/local/services';
import { residentBytesOf } from '@holdfast/testkit/processes';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { call } from '@holdfast/testkit/rest';
import { openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soundFrames, wildFrame } from './fuzz/frames.ts';
import { Random } from './fuzz/random.ts';
import { type Target, wildRequest } from './fuzz/requests.ts';

/** `FUZZ_SEED=<n>` repeats a run, or begins another one. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_128);
const FRAMES = 100_000;
const REQUESTS = 20_000;
/** Of one connection, on average: most keep to the RFC but for what chance puts into them, the last one need not. */
const SOUND_OF_CONNECTION = 6;
const CONNECTIONS_AT_ONCE = 32;
const CLIENTS = 256;
/** A service that answers nothing and closes nothing for so long has lost a socket. */
const UNANSWERED_MS = 20_000;
/** Of all inputs these come before memory is looked at: heaps and caches have grown to what they need. */
const WARM_UP = 0.5;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
const LIMIT_MS = 120_000;

interface Input {
  /** A handshake that goes before. */
  first?: string;
  bytes: Buffer;
  /** How many of what is counted it holds. */
  weight: number;
}

/** A real service that is watched: what it logs as an error, with the inputs that it may have been about. */
class Watched {
  readonly inFlight = new Map<number, Buffer>();
  readonly #recent: [number, Buffer][] = [];
  readonly faults: string[] = [];
  service: Service | undefined;

  async start(app: App, env: Record<string, string>): Promise<Service> {
    this.service = await startService({ app, env, onLine: (line) => this.#onLine(line) });
    return this.service;
  }

  done(input: number, bytes: Buffer): void {
    this.inFlight.delete(input);
    this.#recent.push([input, bytes]);
    if (this.#recent.length > CONNECTIONS_AT_ONCE) this.#recent.shift();
  }

  suspects(): string {
    const all = [...this.inFlight, ...this.#recent].map(([input, bytes]) => `${input}: ${bytes.toString('base64')}`);
    return `FUZZ_SEED=${SEED}; one of these inputs (base64):\n${all.join('\n')}`;
  }

  #onLine(line: string): void {
    const level = logEntry(line)?.['level'];
    // What is no line of the log was printed by Node itself.
    if (level !== undefined && level !== 'error' && level !== 'fatal') return;
    this.faults.push(`${line}\n${this.suspects()}`);
  }
}

const mine = prefix();
const control = new Watched();
const edge = new Watched();
let directory: string;
let key: string;
let clients: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-fuzz-'));
  const file = join(directory, 'api-keys.json');
  key = (await createKey(file, { id: 'fuzz', can: FULL_RIGHTS })).presented;
  const env = { REDIS_URL: redisUrl(), REDIS_PREFIX: mine, API_KEYS_FILE: file };
  const { url } = await control.start('control-api', { ...env, CONTROL_PORT: '0' });
  await edge.start('socket-edge', { ...env, EDGE_PORT: '0', EDGE_DRAIN_SECONDS: '0' });
  for (const topic of ['fuzz.a', 'fuzz.b']) await call(url, 'PUT', `/v1/topics/${topic}`, { key, body: {} });
  clients = Array.from({ length: CLIENTS }, () => randomUUID());
  for (const clientId of clients) await call(url, 'POST', '/v1/clients', { key, body: { clientId, topics: 'fuzz.a' } });
});
afterAll(async () => {
  await edge.service?.stop();
  await control.service?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Sends inputs until `next` gives no more, on so many sockets at a time, and looks at the memory on the way. */
async function bombard(watched: Watched, count: number, inputOf: (input: number) => Input) {
  const { service } = watched;
  if (service === undefined) throw new Error('it was not started');
  const port = Number(new URL(service.url).port);
  let sent = 0;
  let input = 0;
  let warmBytes = Number.NaN;
  const sending = Array.from({ length: CONNECTIONS_AT_ONCE }, async () => {
    while (sent < count && watched.faults.length === 0) {
      const number = (input += 1);
      const given = inputOf(number);
      const { bytes, weight } = given;
      sent += weight;
      if (Number.isNaN(warmBytes) && sent > count * WARM_UP) warmBytes = residentBytesOf(service.pid);
      watched.inFlight.set(number, bytes);
      await send(port, given, () => `input ${number} was neither answered nor closed\n${watched.suspects()}`);
      watched.done(number, bytes);
    }
  });
  const crash = service.exited.then((exit) => {
    throw new Error(`the service ended: ${JSON.stringify(exit)}\n${watched.suspects()}`);
  });
  await Promise.race([Promise.all(sending), crash]);
  return { sent, grownBytes: residentBytesOf(service.pid) - warmBytes };
}

/**
 * Sends it all and says that nothing follows; resolves when the other side has closed. What follows a handshake is sent
 * when that is answered: an edge takes no client that has gone.
 */
async function send(port: number, { first, bytes }: Input, unanswered: () => string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  // A reset is an end like any other; `once` would reject with its error.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => socket.destroy());
  if (first === undefined) socket.resume().end(bytes);
  else {
    socket.write(first);
    socket.once('data', () => socket.resume().end(bytes));
  }
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(unanswered())), UNANSWERED_MS);
  try {
    await Promise.race([closed, late.promise]);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function framesOf(input: number): Input {
  const random = new Random(SEED + input);
  const client = clients[input % clients.length] ?? '';
  const head = [
    `GET /v1/connect?client=${client}${random.chance(0.2) ? '&resume=1' : ''} HTTP/1.1`,
    'Host: edge\r\nConnection: Upgrade\r\nUpgrade: websocket',
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  ];
  const frames = Array.from({ length: random.below(2 * SOUND_OF_CONNECTION) }, () => soundFrames(random)).flat();
  frames.push(wildFrame(random));
  return { first: head.join('\r\n'), bytes: Buffer.concat(frames), weight: frames.length };
}

function requestsTo(paths: Target['paths']): (input: number) => Input {
  return (input) => ({
    bytes: wildRequest(new Random(SEED + input), { paths, key, client: clients[0] ?? '' }),
    weight: 1,
  });
}

const CONTROL_PATHS: Target['paths'] = [
  '/v1/clients',
  '/v1/clients/:client',
  '/v1/clients/:client/topics',
  '/v1/clients/:client/messages',
  '/v1/topics',
  '/v1/topics/:topic',
  '/v1/topics/:topic/messages',
  '/v1/messages',
  '/v1/edges',
  '/v1/capacity',
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/',
  '/docs',
  '/docs/%00',
  '/v1/keys',
  '/v1/keys/:key',
];
const EDGE_PATHS: Target['paths'] = ['/v1/connect', '/', '/healthz', '/readyz', '/metrics', '/v1/clients/:client'];

describe('whatever is sent, a service goes on, logs no error, and keeps its memory', () => {
  it.each<[string, number, Watched, () => (input: number) => Input]>([
    ['frames to socket-edge', FRAMES, edge, () => framesOf],
    ['requests to socket-edge', REQUESTS, edge, () => requestsTo(EDGE_PATHS)],
    ['requests to control-api', REQUESTS, control, () => requestsTo(CONTROL_PATHS)],
  ])(
    '%s: %i',
    async (_, count, watched, inputs) => {
      const { sent, grownBytes } = await bombard(watched, count / (1 - WARM_UP), inputs());
      expect(watched.faults).toEqual([]);
      expect(sent).toBeGreaterThanOrEqual(count);
      expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES);
    },
    LIMIT_MS,
  );

  it('and the frames came to open connections', async () => {
    const text = await (await fetch(new URL('/metrics', edge.service?.url))).text();
    const count = (name: string) => Number(new RegExp(`^${name}{[^}]*} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(count('holdfast_handshakes_accepted_total')).toBeGreaterThan(FRAMES / 50);
    expect(count('holdfast_bad_frames_total')).toBeGreaterThan(FRAMES / 100);
  });

  it('and serves others as ever', async () => {
    const [client = ''] = clients;
    const { url } = edge.service ?? { url: '' };
    const controlUrl = control.service?.url ?? '';
    // It may have been unregistered, and the topic deleted.
    await call(controlUrl, 'PUT', '/v1/topics/fuzz.a', { key, body: {} });
    await call(controlUrl, 'POST', '/v1/clients', { key, body: { clientId: client } });
    await call(controlUrl, 'POST', `/v1/clients/${client}/topics`, { key, body: { topics: 'fuzz.a' } });
    const socket = await openSocket(url, { client });
    await socket.next('welcome');
    await call(controlUrl, 'POST', '/v1/topics/fuzz.a/messages', { key, body: { n: 1 } });
    expect(await socket.next('message')).toMatchObject({ topic: 'fuzz.a', data: { n: 1 } });
    await socket.close();
  });
});
