import { request } from 'node:http';
import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { channelSignature, userSignature } from '@holdfast/pusher/signatures';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { app, until } from '../testing/pusher-edge.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const SUBSCRIBED = 'pusher_internal:subscription_succeeded';
const QUERY = '?protocol=7&client=js&version=8.6.0&flash=false';
const mine = prefix();

let control: Control;
let edges: [RunningEdge, RunningEdge];
let keepApps: NodeJS.Timeout;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const write = (): Promise<void> => control.broker.writeApps([{ ...app, subscriptionCount: true }], []);
  await write();
  keepApps = setInterval(() => void write(), 5000);
  const common = { redisUrl: redisUrl(), prefix: mine, allowedOrigins: ['https://allowed.example'] };
  edges = [await startEdge(common), await startEdge(common)];
});
afterAll(async () => {
  clearInterval(keepApps);
  await Promise.all(edges.map((edge) => edge.stop()));
  await control.stop();
});

interface Frame {
  event: string;
  channel?: string;
  data?: string | { code?: number };
}

/** A client as pusher-js connects. */
function connect(edge: RunningEdge, target = `/app/${app.key}${QUERY}`, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${edge.url}${target}`, { headers });
  const frames: Frame[] = [];
  let closed: number | null = null;
  let failed = false;
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(String(data)) as Frame));
  socket.on('close', (code) => {
    closed = code;
  });
  socket.on('error', () => {
    failed = true;
  });
  const send = (frame: unknown): void => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  /** The data of the frames with this event, as text. */
  const texts = (event: string): string[] => of(event).map(({ data }) => JSON.stringify(data));
  const of = (event: string): Frame[] => frames.filter((frame) => frame.event === event);
  const client = {
    socket,
    frames,
    send,
    of,
    texts,
    get closed() {
      return closed;
    },
    get failed() {
      return failed;
    },
    get socketId(): string {
      const [first] = of('pusher:connection_established');
      return (JSON.parse(first?.data as string) as { socket_id: string }).socket_id;
    },
    async established() {
      await until(() => of('pusher:connection_established').length > 0);
      return client;
    },
    async subscribe(channel: string, channelData?: string): Promise<void> {
      const auth = `${app.key}:${channelSignature(app.secret, client.socketId, channel, channelData)}`;
      send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } });
      await until(() => of(SUBSCRIBED).some((frame) => frame.channel === channel));
    },
  };
  return client;
}

function publish(channel: string, event: string, data: string, except?: string): Promise<string> {
  const frame = Buffer.from(JSON.stringify({ event, channel, data }));
  return control.broker.publishToChannel(channelTopic(app.appId, channel), {
    frame,
    ...(except !== undefined && { except }),
  });
}

describe('a handshake', () => {
  it('is never refused in HTTP: what is wrong with it is the first frame and the close code', async () => {
    const cases: [target: string, code: number, headers?: Record<string, string>][] = [
      [`/app/unknown${QUERY}`, 4001],
      [`/app/${QUERY}`, 4005],
      [`/app/${app.key}`, 4008],
      [`/app/${app.key}?protocol=x`, 4006],
      [`/app/${app.key}?protocol=4`, 4007],
      [`/app/${app.key}${QUERY}`, 4009, { Origin: 'https://other.example' }],
    ];
    const clients = cases.map(([target, , headers]) => connect(edges[0], target, headers));
    await until(() => clients.every(({ closed }) => closed !== null));
    for (const [index, [, code]] of cases.entries()) {
      expect(clients[index]?.frames).toEqual([{ event: 'pusher:error', data: { code, message: expect.any(String) } }]);
      expect(clients[index]?.closed).toBe(code);
    }
  });

  it('of a page that is allowed is established, and a subprotocol that it offers is not chosen', async () => {
    const client = connect(edges[0], `/app/${app.key}${QUERY}`, { Origin: 'https://allowed.example' });
    await client.established();
    expect(client.socketId).toMatch(/^\d+\.\d+$/);
    expect(client.socket.protocol).toBe('');
    client.socket.close();
  });

  it('that is none is answered in HTTP', async () => {
    const answer = await fetch(`http://127.0.0.1:${edges[0].port}/app/${app.key}${QUERY}`);
    expect(answer.status).toBe(426);
    const status = await new Promise((resolve) => {
      const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
      request({ port: edges[0].port, path: `/app/${app.key}${QUERY}`, headers })
        .on('response', (response) => resolve(response.statusCode))
        .end();
    });
    expect(status).toBe(400);
  });
});

describe('over two edges', () => {
  it('events reach all subscribers but the one that is left out, in order, those of clients among them', async () => {
    const [one, other] = [await connect(edges[0]).established(), await connect(edges[1]).established()];
    await Promise.all([one.subscribe('private-a'), other.subscribe('private-a')]);
    await publish('private-a', 'evt', '1');
    await publish('private-a', 'evt', '2', one.socketId);
    one.send({ event: 'client-a', channel: 'private-a', data: { n: 1 } });
    await until(() => other.of('client-a').length > 0);
    await publish('private-a', 'evt', '3');
    await until(() => [one, other].every((client) => client.of('evt').at(-1)?.data === '3'));
    expect(one.of('evt').map(({ data }) => data)).toEqual(['1', '3']);
    expect(other.of('evt').map(({ data }) => data)).toEqual(['1', '2', '3']);
    expect(one.of('client-a')).toEqual([]);
    expect(other.of('client-a')).toEqual([{ event: 'client-a', channel: 'private-a', data: { n: 1 } }]);
    for (const { socket } of [one, other]) socket.close();
  });

  it('members come and go, and subscribers are counted', async () => {
    const [one, other] = [await connect(edges[0]).established(), await connect(edges[1]).established()];
    await one.subscribe('presence-a', '{"user_id":1}');
    await other.subscribe('presence-a', '{"user_id":"b","user_info":{"n":1}}');
    await until(() => one.of('pusher_internal:member_added').length > 0);
    expect(one.of('pusher_internal:member_added')).toEqual([
      {
        event: 'pusher_internal:member_added',
        channel: 'presence-a',
        data: '{"user_id":"b","user_info":{"n":1}}',
      },
    ]);
    await Promise.all([one.subscribe('news'), other.subscribe('news')]);
    await until(() => one.of('pusher_internal:subscription_count').at(-1)?.data === '{"subscription_count":2}');
    other.socket.close(1000);
    await until(() => one.of('pusher_internal:member_removed').length > 0);
    one.socket.close();
  });

  it('the connections of a user are ended', async () => {
    const [one, other] = [await connect(edges[0]).established(), await connect(edges[1]).established()];
    for (const [client, id] of [
      [one, 'ann'],
      [other, 'bob'],
    ] as const) {
      const userData = JSON.stringify({ id, watchlist: ['ann'] });
      const auth = `${app.key}:${userSignature(app.secret, client.socketId, userData)}`;
      client.send({ event: 'pusher:signin', data: { auth, user_data: userData } });
    }
    const online = channelTopic(app.appId, onlineChannel('ann'));
    await until(() => other.texts('pusher_internal:watchlist_events').some((text) => text.includes('online')));
    expect(edges[0].edge.topics.isOccupied(online)).toBe(true);
    expect(await control.broker.terminateConnections(app.appId, 'ann')).toEqual({ missed: 0 });
    await until(() => one.closed !== null);
    expect(one.closed).toBe(4009);
    await until(() => other.texts('pusher_internal:watchlist_events').at(-1)?.includes('offline') === true);
    expect(other.closed).toBeNull();
    other.socket.close();
  });
});

describe('a socket that sends', () => {
  it.each<[string, (socket: WebSocket) => void]>([
    ['a binary frame', (socket) => socket.send(Buffer.from('{}'))],
    ['too large a frame', (socket) => socket.send('x'.repeat(140_000))],
  ])('%s is closed, and may come again after a second', async (_, send) => {
    const client = await connect(edges[0]).established();
    send(client.socket);
    await until(() => client.closed !== null);
    expect(client.closed).toBe(4100);
    expect(client.of('pusher:error')).toMatchObject([{ data: { code: 4100 } }]);
  });
});

it('an event of a client whose data has more than any app allows is refused, and the connection stays', async () => {
  const client = await connect(edges[0]).established();
  await client.subscribe('private-large');
  client.send({ event: 'client-large', channel: 'private-large', data: 'x'.repeat(65_536) });
  await until(() => client.of('pusher:error').length > 0);
  expect(client.of('pusher:error')).toMatchObject([{ data: { code: 4301 } }]);
  expect(client.closed).toBeNull();
  client.socket.close();
});

it('an edge that drains closes with 4200, which brings clients back at once', async () => {
  const edge = await startEdge({ redisUrl: redisUrl(), prefix: mine });
  const client = await connect(edge).established();
  expect((await edge.metrics.text()).body).toMatch(/holdfast_pusher_connections\S* 1/);
  const stopped = edge.stop();
  await until(() => client.closed !== null);
  expect([4200, 1006]).toContain(client.closed);
  await stopped;
});
