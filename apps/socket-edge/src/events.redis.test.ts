import { randomUUID } from 'node:crypto';
import { redisKeys } from '@holdfast/broker/keys';
import { type TestEvents, testEvents } from '@holdfast/broker/testing/events';
import { repeat } from '@holdfast/service/backoff';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Control, startControl } from './testing/control.ts';
import { type RunningEdge, startEdge } from './testing/running-edge.ts';

const mine = prefix();
const keys = redisKeys(mine);
const ALL = {
  'client.connected': null,
  'client.disconnected': null,
  'topic.occupied': null,
  'topic.vacated': null,
  'topic.lost': null,
};
const RESUME_MS = 200;
const SLOW = { timeoutMs: 20_000 };
const POLL = { timeout: 10_000 };
/** A topic is vacated 5 s after its last connection has left. */
const VACATED_MS = 5000;

let control: Control;
let edges: [RunningEdge, RunningEdge];
let events: TestEvents;

beforeAll(async () => {
  control = await startControl(redisUrl(), mine);
  const options = { redisUrl: redisUrl(), prefix: mine, resumeDeadlineMs: RESUME_MS };
  edges = [await startEdge(options), await startEdge(options)];
  events = testEvents(control.redis, {
    keys,
    control: control.broker,
    edge: { refreshEvents: () => Promise.all(edges.map(({ edge }) => edge.beat())) },
  });
});
beforeEach(() => events.want(ALL));
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.stop()));
  await control.stop();
});

async function connected(edge: RunningEdge, client: string): Promise<TestSocket> {
  const socket = await openSocket(edge.url, { client });
  await socket.next('welcome');
  return socket;
}

/** The events of a client with all that they tell, for a failure to show. */
function asText(all: Awaited<ReturnType<TestEvents['ofClient']>>): string {
  return all.map(({ id, type, data }) => `${id} ${type} ${JSON.stringify(data)}`).join('\n');
}

const typesOf = (all: Awaited<ReturnType<TestEvents['ofClient']>>) => all.map(({ type }) => type);

/** Which connections a client had, at the first or the second edge, and how each ended. */
async function storyOf(client: string): Promise<string[]> {
  return (await events.ofClient(client)).map(({ type, data }) => {
    const at = edges.findIndex(({ id }) => id === data['edge']);
    return type === 'client.connected' ? `connected ${at}` : `${data['reason'] as string} ${at}`;
  });
}

describe('a connection', () => {
  const ends: Record<string, (client: string, socket: TestSocket) => unknown> = {
    'closed, when its client closes it': (_, socket) => socket.close(),
    'lost, when it is cut': (_, socket) => socket.terminate(),
    'closed, when an operator closes it': (client) => control.broker.disconnect(client),
    'unregistered, with its client': (client) => control.broker.unregister(client),
    'replaced, by another one at its edge': (client) => connected(edges[0], client),
  };
  it.each(Object.keys(ends))('is %s', async (how) => {
    const client = await control.register();
    const socket = await connected(edges[0], client);
    await expect.poll(() => storyOf(client), POLL).toEqual(['connected 0']);
    await ends[how]?.(client, socket);
    const reason = how.split(',')[0] ?? '';
    await expect
      .poll(() => storyOf(client), POLL)
      .toEqual(['connected 0', `${reason} 0`, ...(reason === 'replaced' ? ['connected 0'] : [])]);
  });

  it('is replaced by one at another edge, and tells so once', async () => {
    const client = await control.register();
    const first = await connected(edges[0], client);
    const second = await connected(edges[1], client);
    await first.closed;
    await second.close();
    await expect.poll(() => storyOf(client), POLL).toEqual(['connected 0', 'replaced 0', 'connected 1', 'closed 1']);
  });

  it('is expired, when the authorization of its client ends', async () => {
    const token = { expiresAt: Date.now() + 60_000, issuedAt: Date.now() - 1000, topics: [] };
    const client = await control.register([], randomUUID(), { user: 'ann', token });
    await connected(edges[0], client);
    await control.broker.revokeClient(client, Date.now());
    await expect.poll(() => storyOf(client), POLL).toEqual(['connected 0', 'expired 0']);
  });

  it('is slow, when its resume frame does not come', async () => {
    const client = await control.register();
    await openSocket(edges[0].url, { client, resume: true });
    await expect.poll(() => storyOf(client), POLL).toEqual(['connected 0', 'slow 0']);
  });

  it('is drained, when its edge ends in order', async () => {
    const leaving = await startEdge({ redisUrl: redisUrl(), prefix: mine });
    const client = await control.register();
    await connected(leaving, client);
    await leaving.stop();
    await expect.poll(() => storyOf(client), POLL).toEqual(['connected -1', 'drained -1']);
  });

  it('has the name of its welcome', async () => {
    const client = await control.register();
    const socket = await openSocket(edges[0].url, { client });
    const { connection } = await socket.next('welcome');
    await socket.close();
    await eventually(async () => {
      const names = (await events.ofClient(client)).map(
        ({ data }) => `${data['edge'] as string}-${data['connection'] as string}`,
      );
      expect(names).toEqual([connection, connection]);
    });
  });
});

/** The connections that its events name, as a welcome does. */
async function namesOf(client: string): Promise<string[]> {
  return (await events.ofClient(client)).map(({ data }) => `${data['edge'] as string}-${data['connection'] as string}`);
}

/**
 * Connects again and again, while older connections are cut, and ends with none.
 * @param waits until each connection has the client; else a newer one may overtake it before that
 */
async function restless(client: string, number: number, waits: boolean): Promise<void> {
  const sockets: TestSocket[] = [];
  for (let round = 0; round < 10; round += 1) {
    const socket = await openSocket(edges[(round + number) % 2 === 0 ? 0 : 1].url, { client });
    const { connection } = await socket.next('welcome');
    await eventually(async () => expect(!waits || (await namesOf(client)).includes(String(connection))).toBe(true));
    sockets.push(socket);
    if ((round + number) % 3 === 0) sockets.at(-1)?.terminate();
    if ((round + number) % 5 === 0) sockets.at(-2)?.terminate();
  }
  // An older one has got the client back, perhaps.
  await Promise.all(sockets.map((socket) => socket.close()));
}

it('whatever clients do, each connection begins once and ends once, one after another', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => control.register()));
  await Promise.all(clients.map((client, number) => restless(client, number, number < 10)));
  for (const [number, client] of clients.entries()) {
    await eventually(async () => {
      const all = await events.ofClient(client);
      const connections = all.map(({ data }) => `${data['edge'] as string} ${data['connection'] as string}`);
      const begun = connections.filter((_, index) => index % 2 === 0);
      const types = begun.flatMap(() => ['client.connected', 'client.disconnected']);
      expect(connections, `of all:\n${asText(all)}`).toEqual(begun.flatMap((one) => [one, one]));
      expect(typesOf(all), `of all:\n${asText(all)}`).toEqual(types);
      expect(begun.length, `of all:\n${asText(all)}`).toBeGreaterThanOrEqual(number < 10 ? 10 : 2);
      expect(new Set(begun).size, `of all:\n${asText(all)}`).toBe(begun.length);
    });
  }
}, 60_000);

const written = async (topic: string) => (await events.ofTopic(topic)).map(({ type }) => type.replace('topic.', ''));
const reaping = () =>
  onTestFinished(repeat(() => control.broker.vacateTopics(), { intervalMs: 100, onError: () => undefined }));

describe('a topic', () => {
  it('is occupied while any edge has a connection on it, and vacated 5 s later', async () => {
    reaping();
    const topic = randomUUID();
    await control.topics(topic);
    const [one, other] = [await control.register([topic]), await control.register([topic])];
    const first = await connected(edges[0], one);
    await eventually(async () => expect(await written(topic)).toEqual(['occupied']));
    const second = await connected(edges[1], other);
    await first.close();
    await eventually(async () =>
      expect(await control.redis.hgetall(keys.topicEdges(topic))).toEqual({ [`e${edges[1].id}`]: '1' }),
    );
    const third = await connected(edges[0], one);
    await third.close();
    await second.close();
    await eventually(async () => expect(await control.redis.hget(keys.topicEdges(topic), 'left')).not.toBeNull());
    const left = Number(await control.redis.hget(keys.topicEdges(topic), 'left'));
    await eventually(async () => expect(await written(topic)).toEqual(['occupied', 'vacated']), SLOW);
    const [ms = ''] = (await events.ofTopic(topic)).at(-1)?.id.split('-') ?? [];
    expect(Number(ms) - left).toBeGreaterThanOrEqual(VACATED_MS);
  }, 30_000);

  it('is vacated when the last edge that had connections on it dies', async () => {
    reaping();
    const dying = await startEdge({ redisUrl: redisUrl(), prefix: mine });
    const topic = randomUUID();
    await control.topics(topic);
    await connected(dying, await control.register([topic]));
    await eventually(async () => expect(await written(topic)).toEqual(['occupied']));
    await dying.crash();
    await control.redis.del(keys.edge(dying.id));
    await eventually(async () => expect(await written(topic)).toEqual(['occupied', 'vacated']), SLOW);
    expect(await control.redis.exists(keys.topicEdges(topic))).toBe(0);
  }, 30_000);

  it('that had connections before its events were wanted is occupied once they are', async () => {
    await events.end();
    const topic = randomUUID();
    await control.topics(topic);
    const socket = await connected(edges[0], await control.register([topic]));
    expect(await control.redis.exists(keys.topicEdges(topic))).toBe(0);
    await events.want(ALL);
    await eventually(async () => expect(await written(topic)).toEqual(['occupied']));
    await events.end();
    await eventually(async () => expect(await control.redis.exists(keys.topicEdges(topic))).toBe(0));
    expect(await written(topic)).toEqual(['occupied']);
    await socket.close();
  });

  it('that lost messages tells how many connections were sent a lost', async () => {
    const topic = randomUUID();
    await control.broker.putTopic(topic, { size: 1 });
    const clients = await Promise.all([control.register([topic]), control.register([topic])]);
    const first = await control.publish(topic, '1');
    for (const json of ['2', '3']) await control.publish(topic, json);
    const lost = await Promise.all(
      clients.map(async (client) => {
        const socket = await openSocket(edges[0].url, { client, resume: true });
        socket.send({ type: 'resume', positions: { [topic]: first } });
        return socket.next('lost');
      }),
    );
    await eventually(async () => {
      const all = (await events.ofTopic(topic)).filter(({ type }) => type === 'topic.lost');
      expect(all.reduce((sum, { data }) => sum + Number(data['connections']), 0)).toBe(2);
      expect(all[0]?.data).toMatchObject({ edge: edges[0].id, after: first, position: lost[0]?.['position'] });
    });
  });
});

it('no event is written while none is wanted, and edges make no key for any', async () => {
  await events.end();
  const before = (await events.all()).length;
  const topic = randomUUID();
  await control.topics(topic);
  const client = await control.register([topic]);
  const socket = await connected(edges[0], client);
  await connected(edges[1], client);
  await socket.closed;
  await control.broker.unregister(client);
  await eventually(() => expect(edges[1].edge.registry.get(client)).toBeUndefined());
  await Promise.all(edges.map(({ edge }) => edge.beat()));
  expect(await events.all()).toHaveLength(before);
  expect(await control.redis.exists(keys.topicEdges(topic))).toBe(0);
});
