import { eventually } from '@holdfast/testkit/eventually';
import { prefix } from '@holdfast/testkit/redis';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import { type TestSocket, openSocket } from '@holdfast/testkit/socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Control, startControl } from '../testing/control.ts';
import { type RunningEdge, startEdge } from '../testing/running-edge.ts';

const mine = prefix();
/** Its settings and its statistics are changed here, so no other test uses it. */
let redis: PrivateRedis;
let control: Control;
let edge: RunningEdge;

beforeAll(async () => {
  redis = await startPrivateRedis();
  control = await startControl(redis.url, mine);
  edge = await startEdge({ redisUrl: redis.url, prefix: mine });
});
afterAll(async () => {
  await edge.stop();
  await control.stop();
  await redis.stop();
});

async function connected(client: string, at = edge): Promise<TestSocket> {
  const socket = await openSocket(at.url, { client });
  await socket.next('welcome');
  return socket;
}

/** The calls of each command so far. */
async function commandCalls(): Promise<Map<string, number>> {
  const info = await control.redis.info('commandstats');
  return new Map(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = '', calls]) => [name, Number(calls)]),
  );
}

/** How often the edge has looked for changes. */
async function looks(): Promise<number> {
  return (await commandCalls()).get('srandmember') ?? 0;
}

/** What an edge asks of Redis during so many beats of its lease, by command; without the asking itself. */
async function callsDuringBeats(beats: number): Promise<Record<string, number>> {
  const beat = 'pexpire';
  const begin = await commandCalls();
  const due = (begin.get(beat) ?? 0) + beats;
  let end = begin;
  await eventually(
    async () => {
      end = await commandCalls();
      expect(end.get(beat)).toBeGreaterThanOrEqual(due);
    },
    { timeoutMs: 20_000 },
  );
  const asked = [...end].map(([name, calls]) => [name, calls - (begin.get(name) ?? 0)] as const);
  return Object.fromEntries(asked.filter(([name, calls]) => name !== 'info' && calls > 0));
}

describe('with keyspace events switched off', () => {
  beforeAll(async () => {
    await control.redis.config('SET', 'notify-keyspace-events', '');
  });
  afterAll(async () => {
    await control.redis.config('SET', 'notify-keyspace-events', 'Ks');
  });

  it('everything that changes is found by the looks', async () => {
    await control.topics('news', 'sport');
    const [a, b, c] = await Promise.all([control.register(['news']), control.register(), control.register()]);
    const [first, second, third] = await Promise.all([connected(a), connected(b), connected(c)]);

    await control.subscribe(a, 'sport');
    const ids = [await control.publish('sport', '1'), await control.publish('sport', '2')];
    const before = await looks();
    await first.next('subscribed');
    // The one that was due found it, or the one after.
    expect((await looks()) - before).toBeLessThanOrEqual(2);
    for (const id of ids) expect(await first.next('message')).toMatchObject({ topic: 'sport', id });

    const own = await control.publishToClient(b, '1');
    expect(await second.next('message')).toMatchObject({ topic: '@me', id: own });

    await control.unsubscribe(a, 'news');
    await first.next('unsubscribed');
    await control.broker.disconnect(c);
    expect((await third.closed).code).toBe(4403);
    await control.broker.unregister(b);
    expect((await second.closed).code).toBe(4410);

    // Live messages never went by keyspace events.
    const live = await control.publish('sport', '3');
    expect(await first.next('message')).toMatchObject({ id: live });
    expect(await control.redis.config('GET', 'notify-keyspace-events')).toEqual(['notify-keyspace-events', '']);
    await first.close();
  });

  it('a client that comes to another edge is replaced here', async () => {
    const other = await startEdge({ redisUrl: redis.url, prefix: mine });
    await control.redis.config('SET', 'notify-keyspace-events', '');
    const client = await control.register();
    const older = await connected(client);
    const newer = await connected(client, other);
    expect((await older.closed).code).toBe(4409);
    await newer.close();
    await other.stop();
  });
});

it('an edge turns keyspace events on, and keeps what was on already', async () => {
  await control.redis.config('SET', 'notify-keyspace-events', 'Ex');
  const other = await startEdge({ redisUrl: redis.url, prefix: mine });
  await eventually(async () => {
    const flags = JSON.stringify(await control.redis.config('GET', 'notify-keyspace-events'));
    for (const flag of 'KEsx') expect(flags).toContain(flag);
  });
  await other.stop();
});

it('idle connections cost Redis one comparison in 25 seconds, and nothing else', async () => {
  const BEATS = 4;
  const CONNECTIONS = 300;
  const WALK_SECONDS = 25;
  await control.topics('idle');
  const without = await callsDuringBeats(BEATS);
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => control.register(['idle'])));
  const sockets = await Promise.all(clients.map((client) => connected(client)));
  const withThem = await callsDuringBeats(BEATS);
  expect(edge.edge.registry.size).toBe(CONNECTIONS);
  const beats = withThem['pexpire'] ?? BEATS;
  for (const [command, calls] of Object.entries(withThem)) {
    // What a claim reads of a client; with two rounds to spare, for they do not begin with the count.
    const compared = command === 'hgetall' ? Math.ceil((CONNECTIONS * (beats + 2)) / WALK_SECONDS) : 0;
    // A beat or a loopback probe more or less, and the topic that is there now: nothing else in proportion to the connections.
    expect.soft(calls, command).toBeLessThanOrEqual((without[command] ?? 0) + 2 * BEATS + compared);
  }
  await Promise.all(sockets.map((socket) => socket.close()));
});
