import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { EdgeDetails } from '@holdfast/broker/edge-state';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { captureLog } from '@holdfast/service/captured-log';
import { createHealth } from '@holdfast/service/health';
import { createMetrics } from '@holdfast/service/metrics';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createEdge } from './edge.ts';
import { createEdgeServer } from './http/server.ts';
import { exposeMetrics } from './metrics.ts';
import { LINE_CODES, LineDoor } from './testing/line-door.ts';
import { MemoryRedis } from './testing/memory-redis.ts';
import { handshakeLines, rawRequest } from './testing/raw-client.ts';
import { RecordingTransport } from './testing/recording-transport.ts';
import { broadcast } from './transport/broadcast.ts';

const TOPIC = 'news';
const CLIENT = '00000000-0000-4000-8000-000000000001';
const MAX_CONNECTIONS = 3;
/** Two pings are answered late by a busy machine, but not by so much. */
const HEARTBEAT_MS = 300;

let redis: MemoryRedis;
let port: number;
let installed: ReturnType<typeof install>;

/** An edge on a Redis in memory, with a door of its own protocol, and a real server. */
function install() {
  const { logger } = captureLog();
  const metrics = createMetrics({ service: 'socket-edge' });
  const broker = redis.broker();
  /** What the lease was renewed with last. */
  let details: EdgeDetails | undefined;
  let door: LineDoor | undefined;
  const edge = createEdge({
    id: 'edge-a',
    broker: {
      ...broker,
      renewLease: (given, known) => {
        details = given;
        return broker.renewLease(given, known);
      },
    },
    channels: (listener) => redis.subscriber('edge-a', listener),
    broadcast,
    logger,
    heartbeatMs: HEARTBEAT_MS,
    maxConnections: MAX_CONNECTIONS,
    door: (deps) => (door = new LineDoor(deps)),
  });
  if (door === undefined) throw new Error('the door is made with the edge');
  exposeMetrics(metrics, edge);
  const server = createEdgeServer({
    edge,
    health: createHealth(),
    metrics,
    allowedOrigins: [],
    trustedProxies: [],
    directWrites: true,
    frames: { framesPerSecond: 100, bytesPerSecond: 100_000 },
    onError: (error) => {
      throw error;
    },
  });
  return { edge, door, metrics, server, lease: () => details, stop: edge.start('ws://edge-a') };
}

beforeEach(async () => {
  redis = new MemoryRedis();
  redis.topic(TOPIC);
  installed = install();
  const { server, edge } = installed;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  await edge.beat();
});

afterEach(async () => {
  const { server, stop, edge, metrics } = installed;
  await edge.leave(0);
  stop();
  server.close();
  server.closeAllConnections();
  metrics.stop();
});

/** A client of the door; it keeps the texts that it gets. */
async function lineClient(path = '') {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/line/${path}`, { autoPong: true });
  const texts: string[] = [];
  let pings = 0;
  socket.on('message', (data: Buffer) => texts.push(data.toString()));
  socket.on('ping', () => (pings += 1));
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return { socket, texts, closed, pings: () => pings };
}

const subscribed = async (how = '') => {
  const client = await lineClient(`${TOPIC}/${redis.topic(TOPIC).incarnation}${how}`);
  await eventually(() => expect(client.texts).toEqual(['subscribed']));
  return client;
};

describe('a door', () => {
  it('takes handshakes at its paths, and no others', async () => {
    const { socket, texts } = await lineClient();
    socket.send('hello');
    await eventually(() => expect(texts).toEqual(['hello']));
    const get = (path: string) => rawRequest(port, [`GET ${path} HTTP/1.1`, 'Host: edge', 'Connection: close']);
    const answers = await Promise.all(['/line/x', '/lines', '/'].map(get));
    expect(answers.map(({ status }) => status)).toEqual([426, 404, 426]);
    // No credential, and so answered by the native one.
    expect((await rawRequest(port, handshakeLines('/'))).status).toBe(400);
  });

  it('subscribes its connections to topics, beside native ones', async () => {
    redis.register(CLIENT, [TOPIC]);
    const { hub } = installed.edge;
    const claim = await hub.claim(CLIENT);
    const socket = new RecordingTransport();
    const native = claim?.open(socket, false, false);
    if (!native) throw new Error('registered');
    socket.terminate = () => hub.onClosed(native);
    const { texts } = await subscribed();
    const id = redis.publish(TOPIC, '"hi"');
    await eventually(() => expect(texts).toHaveLength(2));
    expect(texts[1]).toContain('"hi"');
    expect(socket.idsOf(TOPIC)).toEqual([id]);
  });

  it('may have one of its connections left out', async () => {
    const [one, other] = [await subscribed(), await subscribed()];
    const entry = redis.topic(TOPIC).append(Buffer.from('"x"'), 'line.1');
    redis.sendToTopic(TOPIC, { kind: 'message', ...entry });
    redis.publish(TOPIC, '"y"');
    await eventually(() => expect(other.texts).toHaveLength(3));
    await eventually(() => expect(one.texts).toHaveLength(2));
    expect(one.texts[1]).toContain('"y"');
    // Also of what was missed, and is read from the log.
    redis.topic(TOPIC).append(Buffer.from('"z"'), 'line.1');
    redis.publish(TOPIC, '"last"');
    await eventually(() => expect(other.texts).toHaveLength(5));
    await eventually(() => expect(one.texts.at(-1)).toContain('"last"'));
    expect(one.texts).toHaveLength(3);
  });

  it('says which members its connections are, and shows who is there in its own way', async () => {
    redis.putTopic(TOPIC, { presence: { ...DEFAULT_PRESENCE } });
    const guest = await lineClient(`${TOPIC}/${redis.topic(TOPIC).incarnation}/guest`);
    await subscribed();
    await eventually(() => expect(redis.presence.members(TOPIC)).toEqual(['line.2']));
    await eventually(() => expect(guest.texts).toContain('["line.2"]'));
  });

  it('learns of what else is published on live channels', async () => {
    const { texts } = await subscribed();
    redis.sendToTopic(TOPIC, { kind: 'subscribers', count: 3 });
    redis.sendToTopic(TOPIC, { kind: 'terminate' });
    redis.publish(TOPIC, '1');
    await eventually(() => expect(texts).toHaveLength(2));
    expect(installed.door.live).toEqual([
      [TOPIC, { kind: 'subscribers', count: 3 }],
      [TOPIC, { kind: 'terminate' }],
    ]);
  });

  it('shares the bound of the edge, and counts in its lease and its metrics', async () => {
    const { edge, metrics } = installed;
    const clients = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => lineClient()));
    expect(edge.full).toBe(true);
    expect(installed.door.deps.isFull()).toBe(true);
    const refused = await rawRequest(port, handshakeLines(`/?client=${CLIENT}`));
    expect(refused.status).toBe(503);
    await edge.beat();
    expect(installed.lease()).toMatchObject({
      connections: MAX_CONNECTIONS,
      appConnections: { line: MAX_CONNECTIONS },
    });
    expect((await metrics.text()).body).toMatch(/holdfast_connections(\{[^}]*\})? 3\n/);
    for (const { socket } of clients) socket.close();
    await eventually(() => expect(edge.connections).toBe(0));
    expect(edge.full).toBe(false);
  });

  it('has its connections pinged, and those cut that do not answer', async () => {
    const { pings } = await lineClient();
    const silent = new WebSocket(`ws://127.0.0.1:${port}/line/`, { autoPong: false });
    await once(silent, 'open');
    await once(silent, 'close');
    expect(pings()).toBeGreaterThanOrEqual(2);
    expect(installed.edge.counters.heartbeatsMissed).toBe(1);
    await eventually(() => expect(installed.door.connections.size).toBe(1));
  });

  it('chooses the close codes', async () => {
    const [binary, large] = [await lineClient(), await lineClient()];
    binary.socket.send(Buffer.from('x'));
    expect(await binary.closed).toBe(LINE_CODES.badFrame);
    large.socket.send('x'.repeat(1001));
    expect(await large.closed).toBe(LINE_CODES.badFrame);
    expect(installed.door.badFrames).toEqual(['binary', 'broken, too large, or in too many pieces']);
  });

  it('has its connections closed when the edge drains', async () => {
    const { closed } = await lineClient();
    await installed.edge.leave(0.2);
    expect(await closed).toBe(LINE_CODES.drain);
    expect(installed.door.deps.isDraining()).toBe(true);
  });

  it('runs with the edge', async () => {
    const { door, edge, stop } = installed;
    expect(door.running).toBe(true);
    const before = door.tended;
    await edge.beat();
    expect(door.tended).toBeGreaterThan(before);
    stop();
    expect(door.running).toBe(false);
  });
});
